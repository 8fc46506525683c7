#pragma once

#include <vector>

#include "autograd/tape.h"

namespace gradus {

/// The same elements under another shape of as many.
Var reshape(const Var& x, const Shape& shape);
/// x[..., begin:end, ...] of one axis; throws ShapeError unless 0 <= begin <= end <= extent.
Var slice(const Var& x, int axis, int64_t begin, int64_t end);
/// Joins along one axis; the other extents must agree.
Var concat(const std::vector<Var>& parts, int axis);
/// How much `pad` adds before and after an axis.
struct AxisPadding {
  int64_t before = 0, after = 0;
};
/// x between elements of `value`; one AxisPadding an axis. Throws ShapeError for another number of
/// them or a negative one.
Var pad(const Var& x, const std::vector<AxisPadding>& axes, double value = 0);
/// y[i, ...] = x[index[i], ...]; index i32 [M] on x's device, each in [0, rows) (checked on the
/// CPU: ShapeError).
Var gather(const Var& x, const Tensor& index);

/// What one_hot does with an index outside [0, depth).
enum class OutOfRange { error, zero_row };
/// [N, depth] of `dtype`: 1 at (i, index[i]), else 0; index i32 [N]. An index out of range throws
/// ShapeError, or gives a row of zeros, as TensorFlow's one_hot does.
Tensor one_hot(const Tensor& index, int64_t depth, DType dtype,
               OutOfRange out_of_range = OutOfRange::error);

}  // namespace gradus
