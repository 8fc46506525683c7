#pragma once

// Stands in for the CUDA toolkit's header of this name where a plain C++ compiler builds the
// kernels, so that tests can run them on the CPU: one fibre a CUDA thread, one block at a time.
// It has what our kernels use, the functions of the runtime that cuda/ calls, which
// tests/fake_cuda/ defines, and nothing else.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>
#include <utility>

#include "tests/emulation/fibres.h"
#include "tests/emulation/runtime_api.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(...)
#define __grid_constant__

using dim3 = gradus::cuda::emulation::Dim;
using gradus::cuda::emulation::blockDim;
using gradus::cuda::emulation::blockIdx;
using gradus::cuda::emulation::gridDim;
using gradus::cuda::emulation::threadIdx;

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
};

/// The arguments are copied, as on a card.
template <class... P, class... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(P...),
                               A&&... args) {
  return gradus::cuda::emulation::launch(
      config->gridDim, config->blockDim, config->stream,
      [kernel, taken = std::tuple<P...>(static_cast<P>(args)...)] { std::apply(kernel, taken); });
}

inline void __syncthreads() { gradus::cuda::emulation::block_barrier(); }
inline void __syncwarp(unsigned = ~0u) { gradus::cuda::emulation::warp_barrier(); }

template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  static_assert(sizeof(T) <= sizeof(uint64_t));
  uint64_t word = 0;
  std::memcpy(&word, &value, sizeof value);
  word = gradus::cuda::emulation::exchange(word, mask);
  std::memcpy(&value, &word, sizeof value);
  return value;
}
