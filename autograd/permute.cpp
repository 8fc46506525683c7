#include "autograd/permute.h"

#include <numeric>

#include "autograd/checks.h"
#include "autograd/result.h"
#include "autograd/shaping.h"
#include "tensor/backend.h"

namespace gradus {
namespace {

using Steps = std::vector<int64_t>;

/// How far apart an axis's neighbours lie.
Steps steps_of(const Shape& s) {
  Steps steps(s.rank());
  int64_t step = 1;
  for (int i = s.rank() - 1; i >= 0; --i) {
    steps[i] = step;
    step *= s[i];
  }
  return steps;
}

std::vector<int> axes_of(const char* operation, const std::vector<int>& axes, int rank) {
  std::vector<int> from_front;
  std::vector<char> named(rank, false);
  for (const int axis : axes) {
    const int i = normalize_axis(operation, axis, rank);
    require<ShapeError>(!named[i], "{}: axis {} is named twice", operation, i);
    named[i] = true;
    from_front.push_back(i);
  }
  return from_front;
}

Tensor copy(const char* operation, const Tensor& x, int64_t first, const Steps& steps,
            const Shape& shape) {
  Tensor y = result(operation, shape, x);
  backend(y).copy_strided(x, first, steps, y);
  return y;
}

}  // namespace

Var permute(const Var& x, const std::vector<int>& axes) {
  require_defined("permute", x);
  const Shape& from = x.shape();
  const std::vector<int> order = axes_of("permute", axes, from.rank());
  require<ShapeError>(int(order.size()) == from.rank(), "permute: {} axes named for {}",
                      order.size(), from);
  const Steps steps = steps_of(from);
  Steps permuted;
  Shape shape = from;
  std::vector<int> inverse(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    permuted.push_back(steps[order[i]]);
    shape = shape.with(int(i), from[order[i]]);
    inverse[order[i]] = int(i);
  }
  return Tape::record(
      "permute", {x}, copy("permute", x.value(), 0, permuted, shape),
      [inverse](const Tensor& dy, GradSink& grads) { grads.add(0, permute(dy, inverse)); });
}

Var transpose(const Var& x, int axis_a, int axis_b) {
  const Composite name("transpose");
  require_defined("transpose", x);
  std::vector<int> axes(x.shape().rank());
  std::iota(axes.begin(), axes.end(), 0);
  std::swap(axes[normalize_axis("transpose", axis_a, x.shape().rank())],
            axes[normalize_axis("transpose", axis_b, x.shape().rank())]);
  return permute(x, axes);
}

Var flip(const Var& x, const std::vector<int>& axes) {
  require_defined("flip", x);
  Steps steps = steps_of(x.shape());
  int64_t first = 0;
  for (const int i : axes_of("flip", axes, x.shape().rank())) {
    first += (x.shape()[i] - 1) * steps[i];
    steps[i] = -steps[i];
  }
  return Tape::record("flip", {x}, copy("flip", x.value(), first, steps, x.shape()),
                      [axes](const Tensor& dy, GradSink& grads) { grads.add(0, flip(dy, axes)); });
}

Var roll(const Var& x, int64_t shift, int axis) {
  const Composite name("roll");
  require_defined("roll", x);
  axis = normalize_axis("roll", axis, x.shape().rank());
  const int64_t extent = x.shape()[axis];
  if (extent == 0) return x;
  const int64_t end = extent - ((shift % extent) + extent) % extent;
  return concat({slice(x, axis, end, extent), slice(x, axis, 0, end)}, axis);
}

Var broadcast_to(const Var& x, const Shape& shape) {
  require_defined("broadcast_to", x);
  const Shape& from = x.shape();
  require<ShapeError>(broadcast_shape("broadcast_to", from, shape) == shape,
                      "broadcast_to: {} does not broadcast to {}", from, shape);
  Steps steps = steps_of(from);
  for (int i = 0; i < from.rank(); ++i)
    if (from[i] == 1) steps[i] = 0;
  steps.insert(steps.begin(), shape.rank() - from.rank(), 0);
  return Tape::record("broadcast_to", {x}, copy("broadcast_to", x.value(), 0, steps, shape),
                      [](const Tensor& dy, GradSink& grads) { grads.add(0, dy); });
}

}  // namespace gradus
