#include "autograd/elementwise.h"

#include "autograd/checks.h"
#include "autograd/result.h"
#include "tensor/backend.h"

namespace gradus {
namespace {

Tensor binary(const char* operation, const BinaryFn& fn, const Var& a, const Var& b) {
  require_alike(operation, a, b);
  Tensor y = result(operation, broadcast_shape(operation, a.shape(), b.shape()), a);
  backend(y).binary(fn, a.value(), b.value(), y);
  return y;
}

/// What reads its output alone is left to the kernels of the operation before it, where that can.
Var activate(const char* operation, const Activation& activation, const UnaryFn& fn, const Var& x) {
  Tensor y = x.activated(activation);
  if (!y.defined()) {
    y = result(operation, x.shape(), x);
    backend(y).unary(fn, x.value(), y);
  }
  return Tape::record(operation, {x}, y, [activation, y](const Tensor& dy, GradSink& grads) {
    grads.add_activation(0, {dy, activation, y});
  });
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
  return Tape::record(
      operation, {x}, y,
      [fn, x = saves == Saves::input ? x.value() : Tensor(),
       y = saves == Saves::output ? y : Tensor()](const Tensor& dy, GradSink& grads) {
        Tensor dx = dy.like();
        backend(dy).unary_backward(fn, x, y, dy, dx);
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
  return Tape::record("mul", {a, b}, binary("mul", Mul{}, a, b),
                      [a = a.value(), b = b.value()](const Tensor& dy, GradSink& grads) {
                        if (grads.wants(0)) grads.add(0, Var(dy) * b);
                        if (grads.wants(1)) grads.add(1, Var(dy) * a);
                      });
}

Var operator/(const Var& a, const Var& b) {
  Tensor y = binary("div", Div{}, a, b);
  return Tape::record("div", {a, b}, y, [b = b.value(), y](const Tensor& dy, GradSink& grads) {
    const Var da = Var(dy) / b;
    grads.add(0, da);
    if (grads.wants(1)) grads.add(1, -(da * y));
  });
}

Var maximum(const Var& a, const Var& b) {
  return Tape::record("maximum", {a, b}, binary("maximum", Maximum{}, a, b),
                      [a = a.value(), b = b.value()](const Tensor& dy, GradSink& grads) {
                        const Var first = binary("maximum", MaximumIsFirst{}, a, b);
                        if (grads.wants(0)) grads.add(0, Var(dy) * first);
                        if (grads.wants(1)) grads.add(1, Var(dy) * (1 - first));
                      });
}

Var maximum(const Var& x, double c) {
  require_float("maximum", x);
  return maximum(x, Tensor::full({}, c, x.dtype(), x.device()));
}

Var equal(const Var& a, const Var& b) { return binary("equal", Equal{}, a, b); }

}  // namespace gradus
