#pragma once

#include "tensor/philox.h"
#include "tensor/random.h"

namespace gradus::cuda {

/// A Draw as kernels take it: the step is read when they run.
struct Words {
  uint64_t seed;
  uint32_t stream, index;
  const int32_t* step;
  bool starts_later;

  explicit Words(const Draw& d)
      : seed(d.seed),
        stream(static_cast<uint32_t>(d.stream)),
        index(d.index),
        step(d.step.defined() ? d.step.data<int32_t>() : nullptr),
        starts_later(d.step.defined() && d.step.count() > 1) {}

  /// Those of elements 4 * block ... 4 * block + 3.
  __device__ PhiloxBlock block(int64_t block) const {
    const uint32_t first = starts_later ? static_cast<uint32_t>(step[1]) : 0;
    return philox4x32({{first + static_cast<uint32_t>(block), index,
                        step ? static_cast<uint32_t>(*step) : 0, stream}},
                      static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
  }
};

}  // namespace gradus::cuda
