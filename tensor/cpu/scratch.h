#pragma once

#include "tensor/tensor.h"

namespace gradus::cpu {

/// Floats to work in, from the backend's cache of blocks. Throws DeviceError where memory is out.
class Scratch {
 public:
  explicit Scratch(int64_t n) : floats_({n}, DType::f32) {}
  operator float*() const { return floats_.data<float>(); }  // NOLINT: it stands for its floats

 private:
  Tensor floats_;
};

}  // namespace gradus::cpu
