#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace gradus::cuda {

/// Threads of a block in every kernel of ours, unless it says otherwise.
inline constexpr int kThreads = 256;
/// Threads of a block of those that take as many as their work needs.
inline constexpr int kMostThreads = 512;
inline dim3 threads_for(int64_t work) {
  return dim3(static_cast<unsigned>(std::clamp<int64_t>((work + 31) / 32 * 32, 32, kMostThreads)));
}

/// Called after each launch, on a card (launch.cpp) and on the CPU (tests/emulation/): throws
/// DeviceError that names the kernel where the launch failed.
void check_launch(const char* kernel, cudaError_t error);

/// kernel(args...) on `grid` blocks of `block` threads.
template <class... P, class... A>
void launch(const char* name, cudaStream_t stream, dim3 grid, dim3 block, void (*kernel)(P...),
            A&&... args) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.stream = stream;
  check_launch(name, cudaLaunchKernelEx(&config, kernel, std::forward<A>(args)...));
}

/// Launches with a thread for each of n items, or a grid that strides over them where they are
/// many; nothing for n = 0.
template <class... P, class... A>
void launch_over(const char* name, cudaStream_t stream, int64_t n, void (*kernel)(P...),
                 A&&... args) {
  constexpr int64_t kMaxBlocks = 2048;  // about 16 a multiprocessor of a large card
  if (n == 0) return;
  const auto blocks = std::min((n + kThreads - 1) / kThreads, kMaxBlocks);
  launch(name, stream, dim3(static_cast<unsigned>(blocks)), dim3(kThreads), kernel,
         std::forward<A>(args)...);
}

}  // namespace gradus::cuda
