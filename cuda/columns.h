#pragma once

#include "cuda/channel_packs.h"
#include "cuda/launch.h"

// Sums of few rows in one launch: a block keeps a pack of channels and reads its rows as often as
// it has to, from the second time on out of a cache.

namespace gradus::cuda {

/// One of the packs that a row is made of, in every row.
template <class T, int kWidth>
struct Column {
  int64_t rows, packs;

  /// Calls fn(place of the pack, packs...) for this thread's rows, several of which are on their
  /// way at a time.
  template <class Fn, class... In>
  __device__ void for_each_row(const Fn& fn, const In*... in) const {
    constexpr int kRows = 4;
    const int64_t step = blockDim.x;
    for (int64_t row = threadIdx.x; row < rows; row += kRows * step) {
      Pack<T, kWidth> p[kRows][sizeof...(In)] = {};
      for (int k = 0; k < kRows; ++k)
        if (row + k * step < rows) {
          int i = 0;
          ((p[k][i++] = load_pack<kWidth>(in, place(row + k * step))), ...);
        }
      for (int k = 0; k < kRows; ++k)
        if (row + k * step < rows) fn(place(row + k * step), p[k]);
    }
  }
  __device__ int64_t place(int64_t row) const { return row * packs + blockIdx.x; }
  __device__ Pack<T, kWidth> of_channels(const T* of) const {
    return load_pack<kWidth>(of, blockIdx.x);
  }
};

/// Calls fn(f, column) with the activation and the column of the dtype's packs.
template <class Fn>
void with_columns(const Activation& activation, const Tensor& x, const Fn& fn) {
  const int64_t channels = x.shape()[-1], rows = x.count() / channels;
  std::visit(
      [&](auto f) {
        with_packs(x.dtype(), channels, [&]<class T, int kWidth>() {
          fn(f, Column<T, kWidth>{rows, channels / kWidth});
        });
      },
      activation);
}

inline bool has_few_rows(const Tensor& x) {
  constexpr int64_t kMostRows = 1 << 13;
  return x.count() <= kMostRows * x.shape()[-1];
}

}  // namespace gradus::cuda
