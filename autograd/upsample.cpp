#include "autograd/upsample.h"

#include "autograd/checks.h"
#include "autograd/elementwise.h"
#include "autograd/shaping.h"

namespace gradus {
namespace {

void check(const char* operation, const Var& x, int factor) {
  require_float(operation, x);
  require_rank(operation, "x", x.shape(), 4, "[N, H, W, C]");
  require<ShapeError>(factor >= 1, "{}: the factor must be at least 1, got {}", operation, factor);
}

/// Each pixel's neighbour before or after it along an axis; the outermost is its own.
Var neighbours(const Var& x, int axis, bool before) {
  const int64_t n = x.shape()[axis];
  if (before) return concat({slice(x, axis, 0, 1), slice(x, axis, 0, n - 1)}, axis);
  return concat({slice(x, axis, 1, n), slice(x, axis, n - 1, n)}, axis);
}

/// Linear along one axis: each pixel becomes `factor`, of which each mixes it with the neighbour on
/// its side.
Var linear(const Var& x, int axis, int factor) {
  const Var before = neighbours(x, axis, true), after = neighbours(x, axis, false);
  const Shape& s = x.shape();
  const Shape apart =
      axis == 1 ? Shape{s[0], s[1], 1, s[2], s[3]} : Shape{s[0], s[1], s[2], 1, s[3]};
  std::vector<Var> parts;
  for (int i = 0; i < factor; ++i) {
    const double offset = (i + 0.5) / factor - 0.5;
    const Var& other = offset < 0 ? before : after;
    parts.push_back(reshape(x * (1 - std::abs(offset)) + other * std::abs(offset), apart));
  }
  return reshape(concat(parts, axis + 1), s.with(axis, s[axis] * factor));
}

}  // namespace

Var upsample_nearest2d(const Var& x, int factor) {
  const Composite name("upsample_nearest2d");
  check("upsample_nearest2d", x, factor);
  const Shape& s = x.shape();
  const Tensor copies = Tensor::zeros({factor, 1, factor, 1}, x.dtype(), x.device());
  return reshape(reshape(x, {s[0], s[1], 1, s[2], 1, s[3]}) + copies,
                 {s[0], s[1] * factor, s[2] * factor, s[3]});
}

Var upsample_bilinear2d(const Var& x, int factor) {
  const Composite name("upsample_bilinear2d");
  check("upsample_bilinear2d", x, factor);
  if (x.shape().count() == 0) return upsample_nearest2d(x, factor);
  return linear(linear(x, 1, factor), 2, factor);
}

}  // namespace gradus
