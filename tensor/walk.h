#pragma once

#include <cstdint>
#include <utility>

#include "tensor/host_device.h"
#include "tensor/shape.h"

namespace gradus {

/// A walk along some axes, innermost first: its element i lies at offset(i) of a tensor.
struct Walk {
  int rank = 0;
  int64_t extent[Shape::kMaxRank]{}, stride[Shape::kMaxRank]{};

  void add(int64_t axis_extent, int64_t axis_stride) {
    extent[rank] = axis_extent;
    stride[rank++] = axis_stride;
  }
  /// Whether an axis of this stride runs on where the last one ends.
  bool runs_on(int64_t axis_stride) const {
    return rank && axis_stride == stride[rank - 1] * extent[rank - 1];
  }
  int64_t count() const {
    int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= extent[i];
    return n;
  }
  GRADUS_HD int64_t offset(int64_t i) const {
    int64_t at = 0;
    for (int axis = 0; axis + 1 < rank; ++axis) {
      const int64_t rest = i / extent[axis];
      at += (i - rest * extent[axis]) * stride[axis];
      i = rest;
    }
    return rank ? at + i * stride[rank - 1] : 0;
  }
};

/// Where a and b, which broadcast to y, have y's elements. Neighbouring axes along which both run
/// on are joined.
inline std::pair<Walk, Walk> broadcast_walks(const Shape& y, const Shape& a, const Shape& b) {
  Walk in_a, in_b;
  int64_t step_a = 1, step_b = 1;
  for (int i = 1; i <= y.rank(); ++i) {
    const int64_t extent_a = i <= a.rank() ? a[-i] : 1, extent_b = i <= b.rank() ? b[-i] : 1;
    const int64_t stride_a = extent_a == 1 ? 0 : step_a, stride_b = extent_b == 1 ? 0 : step_b;
    step_a *= extent_a;
    step_b *= extent_b;
    if (y[-i] == 1) continue;
    if (in_a.runs_on(stride_a) && in_b.runs_on(stride_b)) {
      in_a.extent[in_a.rank - 1] *= y[-i];
      in_b.extent[in_b.rank - 1] *= y[-i];
    } else {
      in_a.add(y[-i], stride_a);
      in_b.add(y[-i], stride_b);
    }
  }
  return {in_a, in_b};
}

/// Of a reduction of x to y: along the axes of x that y keeps, and along the others.
struct ReduceWalks {
  Walk kept, reduced;
};

inline ReduceWalks reduce_walks(const Shape& x, const Shape& y) {
  ReduceWalks walks;
  int64_t step = 1;
  for (int i = 1; i <= x.rank(); ++i) {
    const bool is_kept = i <= y.rank() && y[-i] == x[-i];
    Walk& walk = is_kept ? walks.kept : walks.reduced;
    if (x[-i] != 1 && walk.runs_on(step))
      walk.extent[walk.rank - 1] *= x[-i];
    else if (x[-i] != 1)
      walk.add(x[-i], step);
    step *= x[-i];
  }
  return walks;
}

}  // namespace gradus
