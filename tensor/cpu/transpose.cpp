#include "tensor/cpu/transpose.h"

#include <utility>

#include "tensor/cpu/parallel.h"
#include "tensor/cpu/vector.h"

namespace gradus::cpu {
namespace {

/// Exchanges the off-diagonal quarters of the 2 kStep x 2 kStep blocks that two rows pass through.
template <int kStep, int... kLane>
void exchange(Vector& a, Vector& b, std::integer_sequence<int, kLane...>) {
  const Vector upper =
      __builtin_shufflevector(a, b, (kLane & kStep ? kLanes + kLane - kStep : kLane)...);
  b = __builtin_shufflevector(a, b, (kLane & kStep ? kLanes + kLane : kLane + kStep)...);
  a = upper;
}

/// The same for all rows, then for blocks of half the size.
template <int kStep>
void exchange(Vector (&v)[kLanes]) {
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i)
    if (!(i & kStep))
      exchange<kStep>(v[i], v[i + kStep], std::make_integer_sequence<int, kLanes>());
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
