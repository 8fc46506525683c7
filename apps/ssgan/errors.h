#pragma once

#include "tensor/error.h"

namespace gradus::ssgan {

/// A DataError ends the program with kBadData, any Error that has no status of its own with
/// kFailed.
enum ExitStatus {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kBadData = 3,
  kCheckFailed = 4,
  kNotFinite = 5,
  kStopped = 128  ///< plus the signal that asked: 130 after Ctrl-C
};

/// Flags or values that the command line should not have had: kUsage.
struct UsageError : Error {
  using Error::Error;
};
/// A loss or a weight that is not finite: kNotFinite.
struct NotFinite : Error {
  using Error::Error;
};

}  // namespace gradus::ssgan
