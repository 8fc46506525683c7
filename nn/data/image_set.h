#pragma once

#include <cstdint>
#include <string>

#include "tensor/tensor.h"

namespace gradus {

/// Labelled 32x32 colour images.
struct ImageSet {
  Tensor images;         ///< u8 [N, 32, 32, 3], RGB, on the CPU
  Tensor labels;         ///< i32 [N]; as SVHN stores them: 1..9, and 10 for the digit zero
  std::string protocol;  ///< one line for reports: which file, whether it is the official one
  bool official = false;

  int64_t count() const { return labels.count(); }
};

}  // namespace gradus
