#include "tensor/cpu/transpose.h"

#include "tensor/cpu/parallel.h"
#include "tensor/cpu/vector.h"

namespace gradus::cpu {
namespace {

using Lanes [[gnu::vector_size(__BIGGEST_ALIGNMENT__)]] = int32_t;

/// Exchanges the off-diagonal quarters of every 2 kStep x 2 kStep block.
template <int kStep>
void exchange(Vector (&v)[kLanes]) {
  Lanes upper, lower;
  for (int lane = 0; lane < kLanes; ++lane) {
    upper[lane] = lane & kStep ? kLanes + lane - kStep : lane;
    lower[lane] = lane & kStep ? kLanes + lane : lane + kStep;
  }
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) {
    if (i & kStep) continue;
    const Vector a = v[i], b = v[i + kStep];
    v[i] = __builtin_shuffle(a, b, upper);
    v[i + kStep] = __builtin_shuffle(a, b, lower);
  }
  if constexpr (kStep > 1) exchange<kStep / 2>(v);
}

/// A square of kLanes rows and columns.
void transpose_square(const float* a, int64_t a_row, float* b, int64_t b_row) {
  Vector v[kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) v[i] = load(a + i * a_row);
  exchange<kLanes / 2>(v);
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) store(v[i], b + i * b_row);
}

}  // namespace

void transpose(int64_t rows, int64_t columns, const float* a, float* b) {
  const int64_t square_rows = rows / kLanes * kLanes, square_columns = columns / kLanes * kLanes;
  parallel_for(columns, kGrain / (rows + 1) + kLanes, [=](int64_t begin, int64_t end) {
    // Parts begin and end at whole squares.
    const auto whole = [&](int64_t column) {
      return column == columns ? columns : column / kLanes * kLanes;
    };
    begin = whole(begin), end = whole(end);
    for (int64_t i = 0; i < square_rows; i += kLanes)
      for (int64_t j = begin; j < std::min(end, square_columns); j += kLanes)
        transpose_square(a + i * columns + j, columns, b + j * rows + i, rows);
    for (int64_t j = begin; j < end; ++j)
      for (int64_t i = j < square_columns ? square_rows : 0; i < rows; ++i)
        b[j * rows + i] = a[i * columns + j];
  });
}

}  // namespace gradus::cpu
