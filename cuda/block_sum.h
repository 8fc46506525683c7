#pragma once

#include <cuda_runtime.h>

#include <cmath>

#include "cuda/launch.h"

namespace gradus::cuda {

__device__ inline double shuffled(double v, int mask) {
  return __shfl_xor_sync(0xffffffffu, v, mask);
}

/// Joins the states of a warp's lanes; every lane gets the result. A state has merge(other) and
/// shuffle(mask), which returns that of lane (own ^ mask). The tree is fixed: the same bits each
/// time.
template <class State>
__device__ State warp_merge(State s) {
  for (int mask = 16; mask; mask >>= 1) s.merge(s.shuffle(mask));
  return s;
}

/// The same over a block of kThreads; the result is thread 0's.
template <class State>
__device__ State block_merge(State s) {
  // Bytes, since __shared__ variables have no constructors.
  alignas(State) __shared__ unsigned char bytes[sizeof(State) * kThreads / 32];
  State* of_warp = reinterpret_cast<State*>(bytes);
  s = warp_merge(s);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = s;
  __syncthreads();
  if (threadIdx.x == 0)
    for (int i = 1; i < kThreads / 32; ++i) s.merge(of_warp[i]);
  __syncthreads();  // the bytes may be used again
  return s;
}

struct Sum {
  double sum = 0;
  __device__ void add(double x) { sum += x; }
  __device__ void merge(const Sum& o) { sum += o.sum; }
  __device__ Sum shuffle(int mask) const { return {shuffled(sum, mask)}; }
  __device__ double result() const { return sum; }
};

/// max + log(sum), where sum is that of exp(x - max) over what was seen.
struct LogSumExp {
  double max = -INFINITY, sum = 0;
  __device__ void add(double x) { merge({x, 1}); }
  __device__ void merge(const LogSumExp& o) {
    if (o.sum == 0) return;
    if (o.max > max || o.max != o.max) {
      sum = sum == 0 ? o.sum : sum * exp(max - o.max) + o.sum;
      max = o.max;
    } else {
      sum += o.max == max ? o.sum : o.sum * exp(o.max - max);
    }
  }
  __device__ LogSumExp shuffle(int mask) const {
    return {shuffled(max, mask), shuffled(sum, mask)};
  }
  __device__ double result() const { return sum == 0 || max == INFINITY ? max : max + log(sum); }
};

}  // namespace gradus::cuda
