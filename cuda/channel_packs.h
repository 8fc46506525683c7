#pragma once

#include <algorithm>
#include <cstdint>

#include "cuda/block_sum.h"
#include "cuda/grid.h"
#include "tensor/backend.h"
#include "tensor/host_device.h"

namespace gradus::cuda {

/// How a grid walks a matrix [rows, channels]: a thread keeps a pack of neighbouring channels
/// and takes every `parts`-th row, so that what belongs to a channel stays in registers.
struct ChannelPacks {
  int64_t rows, packs, parts;

  ChannelPacks(int64_t rows, int64_t packs, int64_t parts)
      : rows(rows), packs(packs), parts(parts) {}
  GRADUS_HD int64_t items() const { return parts * packs; }

  /// Calls fn(pack) for the packs of item i, which is pack i % packs of a row.
  template <class Fn>
  __device__ void for_each_pack(int64_t item, const Fn& fn) const {
    const int64_t all = rows * packs;
    for (int64_t pack = item; pack < all; pack += parts * packs) fn(pack);
  }
};

/// For sums: parts of 16 rows and more, so that few are left to be joined.
inline ChannelPacks packs_to_sum(int64_t rows, int64_t packs) {
  return {rows, packs, std::clamp<int64_t>((1 << 16) / packs, 1, rows / 16 + 1)};
}
/// For what is done element by element.
inline ChannelPacks packs_to_map(int64_t rows, int64_t packs) {
  return {rows, packs, std::clamp<int64_t>((1 << 17) / packs, 1, rows + 1)};
}

/// The sum of a channel's parts [parts, channels]; a block a channel, the result is thread 0's.
template <class Sums>
__device__ Sums sum_of_parts(int64_t channels, int64_t parts, const Sums* sums) {
  Sums s;
  for (int64_t p = threadIdx.x; p < parts; p += kThreads) s.merge(sums[p * channels + blockIdx.x]);
  return block_merge(s);
}

/// Room for the sums of each part and channel.
template <class Sums>
class PartSums {
 public:
  PartSums(int64_t parts, int64_t channels, Device device)
      : tensor_({parts * channels * int64_t{sizeof(Sums) / sizeof(double)}}, DType::f64, device) {}
  Sums* data() { return reinterpret_cast<Sums*>(tensor_.mutable_data<double>()); }

 private:
  Tensor tensor_;
};

/// Calls fn.template operator()<T, kWidth>() with the dtype's T and the widest packs that
/// `channels` are made of; f64, which is for checks, goes one by one.
template <class Fn>
void with_packs(DType dtype, int64_t channels, const Fn& fn) {
  constexpr int kWide = Pack<float>::kWidth;
  if (dtype == DType::f64) return fn.template operator()<double, 1>();
  if (channels % kWide == 0) return fn.template operator()<float, kWide>();
  fn.template operator()<float, 1>();
}

}  // namespace gradus::cuda
