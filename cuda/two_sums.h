#pragma once

#include "cuda/block_sum.h"

namespace gradus::cuda {

/// What batch norm sums of a channel: two numbers of each element.
struct TwoSums {
  double a = 0, b = 0;
  __device__ void merge(const TwoSums& o) {
    a += o.a;
    b += o.b;
  }
};
__device__ inline TwoSums shuffled(const TwoSums& s, int mask) {
  return {cuda::shuffled(s.a, mask), cuda::shuffled(s.b, mask)};
}

}  // namespace gradus::cuda
