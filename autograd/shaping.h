#pragma once

#include <initializer_list>
#include <vector>

#include "autograd/tape.h"

// Of any dtype where not said otherwise. Throw Error where x is undefined.

namespace gradus {

/// The same elements under another shape. Throws ShapeError unless it has as many.
Var reshape(const Var& x, const Shape& shape);
/// The same; one extent may be -1, for what the others leave.
Var reshape(const Var& x, std::initializer_list<int64_t> extents);
/// x[..., begin:end, ...] of one axis; throws ShapeError for an axis out of range and unless
/// 0 <= begin <= end <= extent.
Var slice(const Var& x, int axis, int64_t begin, int64_t end);
/// Joins along one axis: [A, B1], [A, B2], ... -> [A, B1 + B2 + ...]. Throws ShapeError for no
/// parts, an axis out of range or other extents that differ, TypeError or DeviceError where the
/// parts are not alike.
Var concat(const std::vector<Var>& parts, int axis);
/// Joins parts of one shape along a new axis of the result: [A, B], [A, B], ... -> [N, A, B] for
/// axis 0. Throws as `concat` does.
Var stack(const std::vector<Var>& parts, int axis = 0);
/// The slices of an axis that have these extents, one after the other. Throws ShapeError for an
/// axis out of range and unless they are at least 0 and fill it.
[[nodiscard]] std::vector<Var> split(const Var& x, const std::vector<int64_t>& extents, int axis);
/// How much `pad` adds before and after an axis.
struct AxisPadding {
  int64_t before = 0, after = 0;
};
/// x between elements of `value`; one AxisPadding an axis. Throws ShapeError for another number of
/// them or a negative one.
Var pad(const Var& x, const std::vector<AxisPadding>& axes, double value = 0);
/// y[i, ...] = x[index[i], ...]: x [R, ...], index i32 [M] on x's device -> [M, ...].
/// Throws TypeError or DeviceError where they are of another kind or apart, and ShapeError for
/// other ranks or an index outside [0, R), which a recording on a CUDA device does not see.
Var gather(const Var& x, const Tensor& index);
inline Tensor gather(const Tensor& x, const Tensor& index) { return gather(Var(x), index).value(); }

/// What one_hot does with an index outside [0, depth).
enum class OutOfRange { error, zero_row };
/// [N, depth] of `dtype`, f32 or f64, on the index's device: 1 at (i, index[i]), else 0; index i32
/// [N]. An index out of range throws ShapeError (a recording on a CUDA device does not see it), or
/// gives a row of zeros, as TensorFlow's one_hot does. Throws ShapeError for a depth below 1 and an
/// index of another rank, TypeError for other dtypes.
Tensor one_hot(const Tensor& index, int64_t depth, DType dtype,
               OutOfRange out_of_range = OutOfRange::error);

}  // namespace gradus
