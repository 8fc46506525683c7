#pragma once

#include <vector>

#include "autograd/tape.h"

// The same elements in another order, of any dtype. Tensors are contiguous, so these copy. Axes may
// count from the end. Throw Error where x is undefined, ShapeError for an axis out of range or
// named twice.

namespace gradus {

/// Axis i of the result is axis axes[i] of x: NHWC to NCHW is {0, 3, 1, 2}. Throws ShapeError
/// unless each axis is named once.
Var permute(const Var& x, const std::vector<int>& axes);
/// Exchanges two axes.
Var transpose(const Var& x, int axis_a = -1, int axis_b = -2);
/// Reverses the order along these axes.
Var flip(const Var& x, const std::vector<int>& axes);
/// Moves each element `shift` places up along an axis; those beyond its end come in at its start.
Var roll(const Var& x, int64_t shift, int axis);
/// Repeats x along axes of extent 1 and missing ones in front, as NumPy does. Throws ShapeError
/// where x does not broadcast to that shape.
Var broadcast_to(const Var& x, const Shape& shape);

}  // namespace gradus
