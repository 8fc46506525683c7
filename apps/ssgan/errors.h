#pragma once

#include "tensor/error.h"

namespace gradus::ssgan {

/// Flags or values that the command line should not have had: exit status 2.
struct UsageError : Error {
  using Error::Error;
};
/// A loss or a weight that is not finite: exit status 5.
struct NotFinite : Error {
  using Error::Error;
};

}  // namespace gradus::ssgan
