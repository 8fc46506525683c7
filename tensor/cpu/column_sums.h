#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "tensor/cpu/parallel.h"

namespace gradus::cpu {

/// term(row) + ... + term(row + kRows - 1).
template <int kRows, class Fn>
[[gnu::always_inline]] inline auto run_sum(int64_t row, const Fn& term) {
  return [&]<int... i>(std::integer_sequence<int, i...>) { return (... + term(row + i)); }
  (std::make_integer_sequence<int, kRows>{});
}

/// acc [columns] += kRows rows of x [..., columns] from `row` on.
template <int kRows, class T>
void add_rows(const T* x, int64_t columns, int64_t row, double* acc) {
#pragma omp simd
  for (int64_t c = 0; c < columns; ++c)
    acc[c] += run_sum<kRows>(row, [=](int64_t i) { return x[i * columns + c]; });
}

/// Sums over the rows of a matrix, `sums` of them a column: fn.template operator()<kRows>(row, acc)
/// adds what kRows rows from `row` on contribute to acc [sums * columns]. For T = float those are 8
/// rows, which fn sums up in f32: 7 roundings, which the sum of all the runs averages out, and an
/// eighth of the conversions. All else is f64, over blocks of rows that depend on the sizes alone,
/// joined in order: the same bits for every number of threads.
template <class T, class Fn>
std::vector<double> column_sums(int64_t rows, int64_t columns, int sums, const Fn& fn) {
  constexpr int kRun = sizeof(T) < sizeof(double) ? 8 : 1;
  const int64_t width = sums * columns;
  // Of 16 rows and more, so that their sums take far less memory than x.
  const int64_t blocks = std::clamp<int64_t>(std::min(rows * columns / kGrain, rows / 16), 1, 32);
  std::vector<double> partial(blocks * width, 0.0);
  parallel_for(blocks, 1, [=, acc = partial.data()](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const int64_t last = rows * (b + 1) / blocks;
      int64_t row = rows * b / blocks;
      for (; row + kRun <= last; row += kRun) fn.template operator()<kRun>(row, acc + b * width);
      for (; row < last; ++row) fn.template operator()<1>(row, acc + b * width);
    }
  });
  for (int64_t b = 1; b < blocks; ++b)
    for (int64_t i = 0; i < width; ++i) partial[i] += partial[b * width + i];
  partial.resize(width);
  return partial;
}

/// The same with one sum a column, of rows that need not be told apart: of a few columns 16 rows
/// are read as one, which makes vectors. fn gets the columns that a row then has: fn.template
/// operator()<kRows>(row, columns, acc).
template <class T, class Fn>
std::vector<double> joined_column_sums(int64_t rows, int64_t columns, const Fn& fn) {
  constexpr int64_t kJoined = 16;
  const bool join = sizeof(T) < sizeof(double) && columns < kJoined && rows % kJoined == 0;
  const int64_t wide = join ? kJoined * columns : columns;
  const std::vector<double> sums = column_sums<T>(
      rows * columns / wide, wide, 1,
      [=]<int kRows>(int64_t row, double* acc) { fn.template operator()<kRows>(row, wide, acc); });
  std::vector<double> joined(columns, 0.0);
  for (int64_t i = 0; i < wide; ++i) joined[i % columns] += sums[i];
  return joined;
}

}  // namespace gradus::cpu
