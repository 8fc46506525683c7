#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace gradus::cuda {

/// The thread's number in the grid, and the number of threads: the start and the stride of a loop
/// over items.
__device__ inline int64_t first_item() { return int64_t{blockIdx.x} * blockDim.x + threadIdx.x; }
__device__ inline int64_t item_stride() { return int64_t{gridDim.x} * blockDim.x; }

/// Elements moved as one: 16 bytes unless said otherwise. Tensors start at multiples of 16 bytes.
template <class T, int kCount = 16 / sizeof(T)>
struct alignas(kCount * sizeof(T)) Pack {
  static constexpr int kWidth = kCount;
  T v[kCount];
};

template <int kWidth, class T>
__device__ Pack<T, kWidth> load_pack(const T* p, int64_t pack) {
  return reinterpret_cast<const Pack<T, kWidth>*>(p)[pack];
}
template <int kWidth, class T>
__device__ void store_pack(T* p, int64_t pack, const Pack<T, kWidth>& value) {
  reinterpret_cast<Pack<T, kWidth>*>(p)[pack] = value;
}

}  // namespace gradus::cuda
