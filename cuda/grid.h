#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace gradus::cuda {

/// The thread's number in the grid, and the number of threads: the start and the stride of a loop
/// over items.
__device__ inline int64_t first_item() { return int64_t{blockIdx.x} * blockDim.x + threadIdx.x; }
__device__ inline int64_t item_stride() { return int64_t{gridDim.x} * blockDim.x; }

/// 16 bytes of elements, moved as one. Tensors start at multiples of 16 bytes.
template <class T>
struct alignas(16) Pack {
  static constexpr int kWidth = 16 / sizeof(T);
  T v[kWidth];
};

template <class T>
__device__ Pack<T> load_pack(const T* p, int64_t pack) {
  return reinterpret_cast<const Pack<T>*>(p)[pack];
}
template <class T>
__device__ void store_pack(T* p, int64_t pack, const Pack<T>& value) {
  reinterpret_cast<Pack<T>*>(p)[pack] = value;
}

}  // namespace gradus::cuda
