#pragma once

// Stands in for the CUDA toolkit's header of this name where a plain C++ compiler builds the
// kernels, so that tests can run them on the CPU: one fibre a CUDA thread, one block at a time.
// It has what our kernels use and nothing else.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "tests/emulation/fibres.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(...)

using dim3 = gradus::cuda::emulation::Dim;
using gradus::cuda::emulation::blockDim;
using gradus::cuda::emulation::blockIdx;
using gradus::cuda::emulation::gridDim;
using gradus::cuda::emulation::threadIdx;

using cudaStream_t = void*;
enum cudaError_t { cudaSuccess = 0 };

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
};

template <class... P, class... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(P...),
                               A&&... args) {
  gradus::cuda::emulation::run_grid(config->gridDim, config->blockDim,
                                    [&] { kernel(static_cast<P>(args)...); });
  return cudaSuccess;
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
