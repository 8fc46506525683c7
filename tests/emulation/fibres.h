#pragma once

#include <cstdint>
#include <functional>

namespace gradus::cuda::emulation {

struct Dim {
  unsigned x = 1, y = 1, z = 1;
  constexpr Dim(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
  constexpr unsigned count() const { return x * y * z; }
};

/// Of the CUDA thread that runs now.
inline Dim threadIdx, blockIdx, blockDim, gridDim;

/// Runs `body` once for every thread of every block: blocks one after another, in a block one
/// thread at a time until it waits or ends. The order of threads is drawn from set_order's seed,
/// at the start and after each barrier, so that a missing barrier shows. Throws Error where
/// threads wait for each other for ever. Not for several host threads at a time.
void run_grid(Dim grid, Dim block, const std::function<void()>& body);

/// Seed 0 (the default): one fixed order.
void set_order(uint64_t seed);

// For the thread that runs now:

/// Waits until all threads of the block that have not ended are here.
void block_barrier();
/// The same for the 32 threads of a warp.
void warp_barrier();
/// Gives `word` to the warp's other lanes and returns that of lane (own ^ mask).
uint64_t exchange(uint64_t word, int mask);

}  // namespace gradus::cuda::emulation
