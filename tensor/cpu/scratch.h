#pragma once

#include <omp.h>

#include <algorithm>
#include <atomic>

#include "tensor/tensor.h"

namespace gradus::cpu {

/// Floats to work in, from the backend's cache of blocks. Throws DeviceError where memory is out.
class Scratch {
 public:
  explicit Scratch(int64_t n) : floats_({n}, DType::f32), first_(floats_.mutable_data<float>()) {}
  operator float*() const { return first_; }  // NOLINT: it stands for its floats

 private:
  Tensor floats_;
  float* first_;
};

/// n floats for each part of a parallel_for over `jobs` to take. Claimed before it, so that what a
/// step needs does not depend on how its threads overlap.
class PartsScratch {
 public:
  PartsScratch(int64_t jobs, int64_t n)
      : step_((n + 15) / 16 * 16),
        all_(step_ * std::clamp<int64_t>(jobs, 1, omp_get_max_threads())) {}
  float* take() const { return all_ + step_ * next_++; }

 private:
  int64_t step_;
  Scratch all_;
  mutable std::atomic<int> next_ = 0;
};

}  // namespace gradus::cpu
