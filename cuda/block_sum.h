#pragma once

#include <cuda_runtime.h>

#include "cuda/launch.h"
#include "tensor/reduction.h"

namespace gradus::cuda {

using reduction::LogSumExp;
using reduction::LogTotal;
using reduction::Max;
using reduction::Sum;

/// What lane (own ^ mask) has.
__device__ inline double shuffled(double v, int mask) {
  return __shfl_xor_sync(0xffffffffu, v, mask);
}
__device__ inline Sum shuffled(const Sum& s, int mask) { return {shuffled(s.sum, mask)}; }
__device__ inline Max shuffled(const Max& s, int mask) { return {shuffled(s.max, mask)}; }
__device__ inline LogSumExp shuffled(const LogSumExp& s, int mask) {
  return {shuffled(s.max, mask), shuffled(s.rest, mask)};
}

/// Joins the states of a warp's lanes; every lane gets the result. A state has merge(other) and is
/// taken by `shuffled`. The tree is fixed: the same bits each time.
template <class State>
__device__ State warp_merge(State s) {
  for (int mask = 16; mask; mask >>= 1) s.merge(shuffled(s, mask));
  return s;
}

/// The same over a block, of whole warps; the result is thread 0's.
template <class State>
__device__ State block_merge(State s) {
  // Bytes, since __shared__ variables have no constructors.
  alignas(State) __shared__ unsigned char bytes[sizeof(State) * kMostThreads / 32];
  State* of_warp = reinterpret_cast<State*>(bytes);
  s = warp_merge(s);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = s;
  __syncthreads();
  if (threadIdx.x == 0)
    for (unsigned i = 1; i < blockDim.x / 32; ++i) s.merge(of_warp[i]);
  __syncthreads();  // the bytes may be used again
  return s;
}

}  // namespace gradus::cuda
