#include "autograd/compare.h"

#include <array>

#include "autograd/checks.h"
#include "autograd/fusion.h"
#include "autograd/result.h"
#include "tensor/backend.h"

namespace gradus {
namespace {

enum class Order { as_given, swapped };

/// fn(a, b) or fn(b, a). Integers are compared as f64, which holds them all.
Tensor compare(const char* operation, const BinaryFn& fn, const Var& a, const Var& b,
               Order order = Order::as_given) {
  require_defined(operation, a);
  require_defined(operation, b);
  if (!is_float(a.dtype()) && a.dtype() == b.dtype())
    return compare(operation, fn, a.value().to(DType::f64), b.value().to(DType::f64), order)
        .to(DType::f32);
  require_alike(operation, a, b);
  Tensor y = result(operation, broadcast_shape(operation, a.shape(), b.shape()), a);
  const bool swap = order == Order::swapped;
  read_values(std::array{a, b});
  backend(y).binary(fn, (swap ? b : a).value(), (swap ? a : b).value(), y);
  return y;
}

/// The same with a number, rounded to x's dtype where that is f32 or f64.
Tensor compare(const char* operation, const BinaryFn& fn, const Var& x, double c,
               Order order = Order::as_given) {
  require_defined(operation, x);
  if (!is_float(x.dtype()))
    return compare(operation, fn, x.value().to(DType::f64), c, order).to(DType::f32);
  return compare(operation, fn, x, Tensor::full({}, c, x.dtype(), x.device()), order);
}

/// x where the mask is not 0, or where it is 0; 0 elsewhere.
Tensor masked(const Tensor& mask, bool where_zero, const Tensor& x) {
  Tensor y = result("where", broadcast_shape("where", mask.shape(), x.shape()), x);
  backend(y).binary(Masked{where_zero}, mask, x, y);
  return y;
}

}  // namespace

Tensor operator<(const Var& a, const Var& b) {
  return compare("less", Greater{}, a, b, Order::swapped);
}
Tensor operator<=(const Var& a, const Var& b) {
  return compare("less_equal", GreaterEqual{}, a, b, Order::swapped);
}
Tensor operator>(const Var& a, const Var& b) { return compare("greater", Greater{}, a, b); }
Tensor operator>=(const Var& a, const Var& b) {
  return compare("greater_equal", GreaterEqual{}, a, b);
}
Tensor equal(const Var& a, const Var& b) { return compare("equal", Equal{}, a, b); }
Tensor not_equal(const Var& a, const Var& b) {
  return equal(compare("not_equal", Equal{}, a, b), 0);
}

Tensor operator<(const Var& x, double c) {
  return compare("less", Greater{}, x, c, Order::swapped);
}
Tensor operator<=(const Var& x, double c) {
  return compare("less_equal", GreaterEqual{}, x, c, Order::swapped);
}
Tensor operator>(const Var& x, double c) { return compare("greater", Greater{}, x, c); }
Tensor operator>=(const Var& x, double c) { return compare("greater_equal", GreaterEqual{}, x, c); }
Tensor equal(const Var& x, double c) { return compare("equal", Equal{}, x, c); }
Tensor not_equal(const Var& x, double c) { return equal(compare("not_equal", Equal{}, x, c), 0); }

Var where(const Var& mask, const Var& a, const Var& b) {
  require_alike("where", a, b);
  require_defined("where", mask);
  require<DeviceError>(mask.device() == a.device(), "where: the mask is on {}, the operands on {}",
                       to_string(mask.device()), to_string(a.device()));
  const Tensor m = mask.value().to(a.dtype());
  const Tensor from_a = masked(m, false, a.value()), from_b = masked(m, true, b.value());
  Tensor y = result("where", broadcast_shape("where", from_a.shape(), from_b.shape()), a);
  backend(y).binary(Add{}, from_a, from_b, y);
  return Tape::record("where", {a, b}, y,
                      [mask = Saved("mask", m)](const Tensor& dy, GradSink& grads) {
                        const Tensor& m = grads.read(mask);
                        if (grads.wants(0)) grads.add(0, masked(m, false, dy));
                        if (grads.wants(1)) grads.add(1, masked(m, true, dy));
                      });
}

Var where(const Var& mask, const Var& a, double b) {
  require_float("where", a);
  return where(mask, a, Tensor::full({}, b, a.dtype(), a.device()));
}

Var where(const Var& mask, double a, const Var& b) {
  require_float("where", b);
  return where(mask, Tensor::full({}, a, b.dtype(), b.device()), b);
}

}  // namespace gradus
