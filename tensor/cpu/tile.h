#pragma once

#include <cstdint>

#include "tensor/cpu/vector.h"

namespace gradus::cpu {

/// A matrix by row and column steps, counted in elements.
struct MatrixAt {
  const float* data;
  int64_t row, column;
};

/// kRows x kVectors vectors of sums that stay in registers while products are added: what matrix
/// products and convolutions are made of. (The pragmas unroll; a subscript that is no constant
/// would send the sums to memory.)
template <int kRows, int kVectors>
class Tile {
 public:
  /// Every row becomes `row`, or 0 where it is null.
  [[gnu::always_inline]] void start(const float* row) {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 16
      for (int j = 0; j < kVectors; ++j) sum_[i][j] = row ? load(row + j * kLanes) : Vector{};
  }

  /// this += a [kRows, n] b [n, kVectors * kLanes], rows of b `b_row` apart.
  [[gnu::always_inline]] void add(int64_t n, MatrixAt a, const float* b, int64_t b_row) {
    for (int64_t k = 0; k < n; ++k, a.data += a.column, b += b_row) {
      Vector row[kVectors];
#pragma GCC unroll 16
      for (int j = 0; j < kVectors; ++j) row[j] = load(b + j * kLanes);
#pragma GCC unroll 16
      for (int i = 0; i < kRows; ++i) {
        const Vector factor = broadcast(a.data[i * a.row]);
#pragma GCC unroll 16
        for (int j = 0; j < kVectors; ++j) sum_[i][j] = multiply_add(factor, row[j], sum_[i][j]);
      }
    }
  }

  /// Calls fn(row, vector, sum) for each vector of sums.
  template <class Fn>
  [[gnu::always_inline]] void for_each(const Fn& fn) const {
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 16
      for (int j = 0; j < kVectors; ++j) fn(i, j, sum_[i][j]);
  }

 private:
  Vector sum_[kRows][kVectors];
};

/// Of a tile's rows and vectors, as many as registers hold beside a row of b and a factor: 16
/// registers, or 32 with AVX-512.
inline constexpr int kTileRows = 6, kTileVectors = kLanes == 16 ? 4 : 2;

/// Calls fn.template operator()<kRows, kVectors>(i, j) for tiles that cover `rows` rows and
/// `vectors` vectors, from row i and vector j on.
template <class Fn>
void for_each_tile(int64_t rows, int64_t vectors, const Fn& fn) {
  const auto across = [&]<int kRows>(int64_t i) {
    int64_t j = 0;
    if constexpr (kTileVectors == 4)
      for (; j + 4 <= vectors; j += 4) fn.template operator()<kRows, 4>(i, j);
    for (; j + 2 <= vectors; j += 2) fn.template operator()<kRows, 2>(i, j);
    for (; j < vectors; ++j) fn.template operator()<kRows, 1>(i, j);
  };
  int64_t i = 0;
  for (; i + kTileRows <= rows; i += kTileRows) across.template operator()<kTileRows>(i);
  switch (rows - i) {
    case 5:
      return across.template operator()<5>(i);
    case 4:
      return across.template operator()<4>(i);
    case 3:
      return across.template operator()<3>(i);
    case 2:
      return across.template operator()<2>(i);
    case 1:
      return across.template operator()<1>(i);
  }
}

/// Calls fn(i, j, sum) for row i and vector j of the product a [rows, n] b [n, vectors * kLanes],
/// rows of b `b_row` apart.
template <class Fn>
void for_each_product(int64_t rows, int64_t vectors, int64_t n, MatrixAt a, const float* b,
                      int64_t b_row, const Fn& fn) {
  for_each_tile(rows, vectors, [&]<int kRows, int kVectors>(int64_t i, int64_t j) {
    Tile<kRows, kVectors> tile;
    tile.start(nullptr);
    tile.add(n, {a.data + i * a.row, a.row, a.column}, b + j * kLanes, b_row);
    tile.for_each([&](int row, int vector, Vector sum) { fn(i + row, j + vector, sum); });
  });
}

}  // namespace gradus::cpu
