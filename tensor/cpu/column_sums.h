#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tensor/cpu/parallel.h"

namespace gradus::cpu {

/// Sums over the rows of a matrix, `sums` of them a column: fn(row, acc) adds row's contributions
/// to acc [sums * columns]. In f64, over blocks of rows that depend on the sizes alone, joined in
/// order: the same bits for every number of threads.
template <class Fn>
std::vector<double> column_sums(int64_t rows, int64_t columns, int sums, const Fn& fn) {
  const int64_t width = sums * columns;
  const int64_t blocks = std::clamp<int64_t>(rows * columns / kGrain, 1, 32);
  std::vector<double> partial(blocks * width, 0.0);
  parallel_for(blocks, 1, [=, acc = partial.data()](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b)
      for (int64_t row = rows * b / blocks; row < rows * (b + 1) / blocks; ++row)
        fn(row, acc + b * width);
  });
  for (int64_t b = 1; b < blocks; ++b)
    for (int64_t i = 0; i < width; ++i) partial[i] += partial[b * width + i];
  partial.resize(width);
  return partial;
}

}  // namespace gradus::cpu
