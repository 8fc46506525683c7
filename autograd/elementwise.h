#pragma once

#include "autograd/tape.h"
#include "tensor/elementwise.h"

// Element by element, f32 or f64: x of any shape -> the same shape. Two operands broadcast as in
// NumPy; their gradients are summed back to their own shapes. Throw Error for an undefined operand,
// TypeError for another dtype or two different ones, DeviceError for two devices, ShapeError for
// shapes that do not broadcast. tensor/elementwise.h tells the formulas' sources and what they make
// of NaN, of 0, and of numbers outside their domain.

namespace gradus {

/// fn(x). Unlike the functions below it does not check fn's parameters.
Var unary(const UnaryFn& fn, const Var& x);

inline Var exp(const Var& x) { return unary(Exp{}, x); }
inline Var log(const Var& x) { return unary(Log{}, x); }
inline Var sqrt(const Var& x) { return unary(Sqrt{}, x); }
inline Var tanh(const Var& x) { return unary(Tanh{}, x); }
/// 1 / (1 + exp(-x)).
inline Var sigmoid(const Var& x) { return unary(Sigmoid{}, x); }
/// log(1 + exp(x)).
inline Var softplus(const Var& x) { return unary(Softplus{}, x); }
/// max(x, 0), derivative 0 at 0.
inline Var relu(const Var& x) { return unary(Relu{}, x); }
/// max(slope * x, x), 0 < slope < 1, derivative slope at 0; throws Error for another slope.
Var leaky_relu(const Var& x, double slope);
/// |x|, derivative 0 at 0.
inline Var abs(const Var& x) { return unary(Abs{}, x); }
/// x within [low, high], else the nearer bound; derivative 1 at the bounds. Throws Error unless
/// low <= high.
Var clamp(const Var& x, double low, double high);
/// x^exponent. See Pow for its derivative at 0.
inline Var pow(const Var& x, double exponent) { return unary(Pow{exponent}, x); }
inline Var sin(const Var& x) { return unary(Sin{}, x); }
inline Var cos(const Var& x) { return unary(Cos{}, x); }
/// x * (1 + erf(x / sqrt(2))) / 2, without the approximation by tanh.
inline Var gelu(const Var& x) { return unary(Gelu{}, x); }
/// x * sigmoid(x).
inline Var silu(const Var& x) { return unary(Silu{}, x); }
/// x where x > 0, else alpha * (exp(x) - 1); derivative alpha at 0. Throws Error unless alpha > 0.
Var elu(const Var& x, double alpha = 1);
/// scale * x + shift.
inline Var affine(const Var& x, double scale, double shift) {
  return unary(Affine{scale, shift}, x);
}

Var operator+(const Var& a, const Var& b);
Var operator-(const Var& a, const Var& b);
Var operator*(const Var& a, const Var& b);
Var operator/(const Var& a, const Var& b);
/// The larger of the two; where they are equal the gradient goes to a.
Var maximum(const Var& a, const Var& b);
/// The smaller of the two; where they are equal the gradient goes to a.
Var minimum(const Var& a, const Var& b);

/// The same with numbers, which get no gradient.
Var operator-(const Var& x);
Var operator+(const Var& x, double c);
Var operator+(double c, const Var& x);
Var operator-(const Var& x, double c);
Var operator-(double c, const Var& x);
Var operator*(const Var& x, double c);
Var operator*(double c, const Var& x);
Var operator/(const Var& x, double c);
Var operator/(double c, const Var& x);
Var maximum(const Var& x, double c);
Var minimum(const Var& x, double c);

/// x = x + y and so on: x becomes another value; what shared the old one still has it.
template <class T>
Var& operator+=(Var& x, const T& y) {
  return x = x + y;
}
template <class T>
Var& operator-=(Var& x, const T& y) {
  return x = x - y;
}
template <class T>
Var& operator*=(Var& x, const T& y) {
  return x = x * y;
}
template <class T>
Var& operator/=(Var& x, const T& y) {
  return x = x / y;
}

}  // namespace gradus
