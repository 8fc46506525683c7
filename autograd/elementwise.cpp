#include "autograd/elementwise.h"

#include <array>

#include "autograd/checks.h"
#include "autograd/fusion.h"
#include "autograd/result.h"
#include "tensor/backend.h"

namespace gradus {
namespace {

/// scale * x + shift by the name of the operation that the caller wrote.
Var affine_as(const char* operation, const Var& x, double scale, double shift) {
  const Composite name(operation);
  return affine(x, scale, shift);
}

Tensor binary(const char* operation, const BinaryFn& fn, const Var& a, const Var& b) {
  require_alike(operation, a, b);
  Tensor y =
      result(operation, broadcast_shape(Composite::name(operation), a.shape(), b.shape()), a);
  read_values(std::array{a, b});
  backend(y).binary(fn, a.value(), b.value(), y);
  return y;
}

/// The larger or smaller of two; `is_a` gives 1 where it is a, else 0.
template <class IsA>
Var extremum(const char* operation, const BinaryFn& fn, const Var& a, const Var& b, IsA is_a) {
  const Tensor y = binary(operation, fn, a, b);
  return Tape::record(operation, {a, b}, y,
                      [is_a, a = Saved("a", a.value()), b = Saved("b", b.value())](
                          const Tensor& dy, GradSink& grads) {
                        const Var first = is_a(grads.read(a), grads.read(b));
                        if (grads.wants(0)) grads.add(0, Var(dy) * first);
                        if (grads.wants(1)) grads.add(1, Var(dy) * (1 - first));
                      });
}

/// c as a constant beside x.
Var scalar_like(const char* operation, const Var& x, double c) {
  require_float(operation, x);
  return Tensor::full({}, c, x.dtype(), x.device());
}

}  // namespace

Var unary(const UnaryFn& fn, const Var& x) {
  const auto [operation, saves] =
      std::visit([](auto f) { return std::pair(f.kName, f.saves); }, fn);
  require_float(operation, x);
  if (const Activation activation = activation_of(fn); !is_identity(activation))
    return activate(operation, activation, fn, x);
  Tensor y = result(operation, x.shape(), x);
  backend(y).unary(fn, x.value(), y);
  const Saved in = saves == Saves::input ? Saved("x", x.value()) : Saved();
  const Saved out = saves == Saves::output ? Saved("the output", y) : Saved();
  return Tape::record(operation, {x}, y, [fn, in, out](const Tensor& dy, GradSink& grads) {
    Tensor dx = dy.like();
    backend(dy).unary_backward(fn, grads.read(in), grads.read(out), dy, dx);
    grads.add(0, dx);
  });
}

Var leaky_relu(const Var& x, double slope) {
  require<Error>(slope > 0 && slope < 1, "leaky_relu: the slope must lie in (0, 1), got {}", slope);
  return unary(LeakyRelu{slope}, x);
}

Var clamp(const Var& x, double low, double high) {
  require<Error>(low <= high, "clamp: [{}, {}] is not a range", low, high);
  return unary(Clamp{low, high}, x);
}

Var elu(const Var& x, double alpha) {
  require<Error>(alpha > 0, "elu: alpha must be positive, got {}", alpha);
  return unary(Elu{alpha}, x);
}

Var operator/(const Var& x, double c) {
  require_float("div", x);
  Tensor y = result("div", x.shape(), x);
  backend(y).unary(DivideBy{c}, x.value(), y);
  return Tape::record("div", {x}, y,
                      [c](const Tensor& dy, GradSink& grads) { grads.add(0, Var(dy) / c); });
}

Var operator+(const Var& a, const Var& b) {
  return Tape::record("add", {a, b}, binary("add", Add{}, a, b),
                      [](const Tensor& dy, GradSink& grads) {
                        grads.add(0, dy);
                        grads.add(1, dy);
                      });
}

Var operator-(const Var& a, const Var& b) {
  return Tape::record("sub", {a, b}, binary("sub", Sub{}, a, b),
                      [](const Tensor& dy, GradSink& grads) {
                        grads.add(0, dy);
                        if (grads.wants(1)) grads.add(1, -Var(dy));
                      });
}

Var operator*(const Var& a, const Var& b) {
  const Tensor y = binary("mul", Mul{}, a, b);
  return Tape::record(
      "mul", {a, b}, y,
      [a = Saved("a", a.value()), b = Saved("b", b.value())](const Tensor& dy, GradSink& grads) {
        if (grads.wants(0)) grads.add(0, Var(dy) * grads.read(b));
        if (grads.wants(1)) grads.add(1, Var(dy) * grads.read(a));
      });
}

Var operator/(const Var& a, const Var& b) {
  const Tensor y = binary("div", Div{}, a, b);
  return Tape::record(
      "div", {a, b}, y,
      [b = Saved("b", b.value()), y = Saved("the output", y)](const Tensor& dy, GradSink& grads) {
        const Var da = Var(dy) / grads.read(b);
        grads.add(0, da);
        if (grads.wants(1)) grads.add(1, -(da * grads.read(y)));
      });
}

Var operator-(const Var& x) { return affine_as("neg", x, -1, 0); }
Var operator+(const Var& x, double c) { return affine_as("add", x, 1, c); }
Var operator+(double c, const Var& x) { return x + c; }
Var operator-(const Var& x, double c) { return affine_as("sub", x, 1, -c); }
Var operator-(double c, const Var& x) { return affine_as("sub", x, -1, c); }
Var operator*(const Var& x, double c) { return affine_as("mul", x, c, 0); }
Var operator*(double c, const Var& x) { return affine_as("mul", x, c, 0); }

Var operator/(double c, const Var& x) { return scalar_like("div", x, c) / x; }

Var maximum(const Var& a, const Var& b) {
  return extremum("maximum", Maximum{}, a, b, [](const Tensor& a, const Tensor& b) {
    return binary("maximum", MaximumIsFirst{}, a, b);
  });
}

Var minimum(const Var& a, const Var& b) {
  return extremum("minimum", Minimum{}, a, b, [](const Tensor& a, const Tensor& b) {
    return binary("minimum", MinimumIsFirst{}, a, b);
  });
}

Var maximum(const Var& x, double c) { return maximum(x, scalar_like("maximum", x, c)); }
Var minimum(const Var& x, double c) { return minimum(x, scalar_like("minimum", x, c)); }

}  // namespace gradus
