#pragma once

#include <cmath>
#include <type_traits>
#include <variant>

#include "tensor/host_device.h"

// Element-wise functions of one operand, written once for every device. `f` is the function, `df`
// its derivative given input x and output y; `saves` names which of the two df reads, so that the
// tape keeps that one alone. Parameters are double: an f32 0.2 would cost 6e-9 in f64. None throws:
// log and sqrt of a number below 0 are NaN, those of 0 -infinity and 0, with derivatives of
// infinity. At infinity stand the limits, NaN where there is none (sin, cos); of NaN all that is
// read is NaN.

namespace gradus {

enum class Saves { nothing, input, output };

/// x * p, but 0 where p is 0, also of an infinite x: where p falls faster than x grows, or weighs
/// it.
template <class T>
GRADUS_HD T weighted(T x, T p) {
  return p == T(0) ? T(0) : x * p;
}

/// scale * x + shift.
struct Affine {
  double scale = 1, shift = 0;
  static constexpr const char* kName = "affine";
  static constexpr Saves saves = Saves::nothing;
  template <class T>
  GRADUS_HD T f(T x) const {
    return T(scale) * x + T(shift);
  }
  template <class T>
  GRADUS_HD T df(T, T) const {
    return T(scale);
  }
};

/// x / divisor, correctly rounded.
struct DivideBy {
  double divisor = 1;
  static constexpr const char* kName = "div";
  static constexpr Saves saves = Saves::nothing;
  template <class T>
  GRADUS_HD T f(T x) const {
    return x / T(divisor);
  }
  template <class T>
  GRADUS_HD T df(T, T) const {
    return T(1) / T(divisor);
  }
};

struct Exp {
  static constexpr const char* kName = "exp";
  static constexpr Saves saves = Saves::output;
  template <class T>
  GRADUS_HD T f(T x) const {
    using std::exp;
    return exp(x);
  }
  template <class T>
  GRADUS_HD T df(T, T y) const {
    return y;
  }
};

struct Log {
  static constexpr const char* kName = "log";
  static constexpr Saves saves = Saves::input;
  template <class T>
  GRADUS_HD T f(T x) const {
    using std::log;
    return log(x);
  }
  template <class T>
  GRADUS_HD T df(T x, T) const {
    return T(1) / x;
  }
};

struct Sqrt {
  static constexpr const char* kName = "sqrt";
  static constexpr Saves saves = Saves::output;
  template <class T>
  GRADUS_HD T f(T x) const {
    using std::sqrt;
    return sqrt(x);
  }
  template <class T>
  GRADUS_HD T df(T, T y) const {
    return T(0.5) / y;
  }
};

struct Tanh {
  static constexpr const char* kName = "tanh";
  static constexpr Saves saves = Saves::output;
  template <class T>
  GRADUS_HD T f(T x) const {
    using std::tanh;
    return tanh(x);
  }
  template <class T>
  GRADUS_HD T df(T, T y) const {
    return (T(1) - y) * (T(1) + y);
  }
};

/// 1 / (1 + exp(-x)), without overflow at either end.
struct Sigmoid {
  static constexpr const char* kName = "sigmoid";
  static constexpr Saves saves = Saves::output;
  template <class T>
  GRADUS_HD T f(T x) const {
    using std::exp;
    if (x >= T(0)) return T(1) / (T(1) + exp(-x));
    const T e = exp(x);
    return e / (T(1) + e);
  }
  template <class T>
  GRADUS_HD T df(T, T y) const {
    return y * (T(1) - y);
  }
};

/// log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)) (Dugas et al. 2001).
struct Softplus {
  static constexpr const char* kName = "softplus";
  static constexpr Saves saves = Saves::input;
  template <class T>
  GRADUS_HD T f(T x) const {
    using std::exp;
    using std::fabs;
    using std::log1p;
    return (x > T(0) ? x : T(0)) + log1p(exp(-fabs(x)));
  }
  template <class T>
  GRADUS_HD T df(T x, T) const {
    return Sigmoid{}.f(x);
  }
};

/// max(x, 0) (Nair & Hinton 2010); the derivative at 0 is 0.
struct Relu {
  static constexpr const char* kName = "relu";
  static constexpr Saves saves = Saves::output;
  template <class T>
  GRADUS_HD T f(T x) const {
    return x <= T(0) ? T(0) : x;
  }
  template <class T>
  GRADUS_HD T df(T, T y) const {
    return y > T(0) ? T(1) : y;  // 0 or NaN
  }
};

/// max(slope * x, x) for 0 < slope < 1 (Maas et al. 2013); the derivative at 0 is the slope. The
/// output has the input's sign, so the derivative reads it and the input need not live on.
struct LeakyRelu {
  double slope = 0.2;
  static constexpr const char* kName = "leaky_relu";
  static constexpr Saves saves = Saves::output;
  template <class T>
  GRADUS_HD T f(T x) const {
    return x > T(0) ? x : T(slope) * x;
  }
  template <class T>
  GRADUS_HD T df(T, T y) const {
    return y > T(0) ? T(1) : y <= T(0) ? T(slope) : y;
  }
};

/// |x|; the derivative at 0 is 0.
struct Abs {
  static constexpr const char* kName = "abs";
  static constexpr Saves saves = Saves::input;
  template <class T>
  GRADUS_HD T f(T x) const {
    using std::fabs;
    return fabs(x);
  }
  template <class T>
  GRADUS_HD T df(T x, T) const {
    return x > T(0) ? T(1) : x < T(0) ? T(-1) : x;  // 0 or NaN
  }
};

/// x within [low, high], else the nearer bound; the derivative at the bounds is 1.
struct Clamp {
  double low = 0, high = 1;
  static constexpr const char* kName = "clamp";
  static constexpr Saves saves = Saves::input;
  template <class T>
  GRADUS_HD T f(T x) const {
    return x < T(low) ? T(low) : x > T(high) ? T(high) : x;
  }
  template <class T>
  GRADUS_HD T df(T x, T) const {
    return x < T(low) || x > T(high) ? T(0) : x == x ? T(1) : x;
  }
};

/// x^exponent; NaN where x < 0 and the exponent is not whole. The derivative for the exponent 0 is
/// 0 everywhere; at x = 0 it is infinite for other exponents below 1.
struct Pow {
  double exponent = 2;
  static constexpr const char* kName = "pow";
  static constexpr Saves saves = Saves::input;
  template <class T>
  GRADUS_HD T f(T x) const {
    using std::pow;
    return pow(x, T(exponent));
  }
  template <class T>
  GRADUS_HD T df(T x, T) const {
    using std::pow;
    return exponent == 0 ? T(0) : T(exponent) * pow(x, T(exponent - 1));
  }
};

struct Sin {
  static constexpr const char* kName = "sin";
  static constexpr Saves saves = Saves::input;
  template <class T>
  GRADUS_HD T f(T x) const {
    using std::sin;
    return sin(x);
  }
  template <class T>
  GRADUS_HD T df(T x, T) const {
    using std::cos;
    return cos(x);
  }
};

struct Cos {
  static constexpr const char* kName = "cos";
  static constexpr Saves saves = Saves::input;
  template <class T>
  GRADUS_HD T f(T x) const {
    using std::cos;
    return cos(x);
  }
  template <class T>
  GRADUS_HD T df(T x, T) const {
    using std::sin;
    return -sin(x);
  }
};

/// x * Phi(x), Phi the normal distribution's cumulative one: x * (1 + erf(x / sqrt(2))) / 2
/// (Hendrycks & Gimpel 2016), with erfc, which keeps its digits where x is negative.
struct Gelu {
  static constexpr const char* kName = "gelu";
  static constexpr Saves saves = Saves::input;
  static constexpr double kRootHalf = 0.70710678118654752440;  // 1 / sqrt(2)
  static constexpr double kDensity = 0.39894228040143267794;   // 1 / sqrt(2 pi)
  template <class T>
  GRADUS_HD T cumulative(T x) const {
    using std::erfc;
    return T(0.5) * erfc(T(-kRootHalf) * x);
  }
  template <class T>
  GRADUS_HD T f(T x) const {
    return weighted(x, cumulative(x));
  }
  template <class T>
  GRADUS_HD T df(T x, T) const {
    using std::exp;
    return cumulative(x) + weighted(x, T(kDensity) * exp(T(-0.5) * (x * x)));
  }
};

/// x * sigmoid(x) (Elfwing et al. 2018).
struct Silu {
  static constexpr const char* kName = "silu";
  static constexpr Saves saves = Saves::input;
  template <class T>
  GRADUS_HD T f(T x) const {
    return weighted(x, Sigmoid{}.f(x));
  }
  template <class T>
  GRADUS_HD T df(T x, T) const {
    const T s = Sigmoid{}.f(x);
    return s + weighted(x, s * (T(1) - s));
  }
};

/// x where x > 0, else alpha * (exp(x) - 1), alpha > 0 (Clevert et al. 2016); the derivative at 0
/// is alpha.
struct Elu {
  double alpha = 1;
  static constexpr const char* kName = "elu";
  static constexpr Saves saves = Saves::output;
  template <class T>
  GRADUS_HD T f(T x) const {
    using std::expm1;
    return x > T(0) ? x : T(alpha) * expm1(x);
  }
  template <class T>
  GRADUS_HD T df(T, T y) const {
    return y > T(0) ? T(1) : y + T(alpha);
  }
};

/// x^2 / 2 where |x| <= delta, else delta * (|x| - delta / 2) (Huber 1964).
struct Huber {
  double delta = 1;
  static constexpr const char* kName = "huber";
  static constexpr Saves saves = Saves::input;
  template <class T>
  GRADUS_HD T f(T x) const {
    const T size = Abs{}.f(x);
    return size <= T(delta) ? T(0.5) * x * x : T(delta) * (size - T(0.5 * delta));
  }
  template <class T>
  GRADUS_HD T df(T x, T) const {
    return Clamp{-delta, delta}.f(x);
  }
};

/// The list that every backend visits: a new function becomes known by its line here.
using UnaryFn = std::variant<Affine, DivideBy, Exp, Log, Sqrt, Tanh, Sigmoid, Softplus, Relu,
                             LeakyRelu, Abs, Clamp, Pow, Sin, Cos, Gelu, Silu, Elu, Huber>;

/// x.
struct Identity {
  template <class T>
  GRADUS_HD T f(T x) const {
    return x;
  }
  template <class T>
  GRADUS_HD T df(T, T) const {
    return T(1);
  }
};

/// What a kernel can end with instead of leaving it to one of its own: nothing, or a function whose
/// derivative reads its output alone. Every kernel that takes one is compiled for each.
using Activation = std::variant<Identity, Relu, LeakyRelu, Elu, Tanh, Sigmoid>;

inline bool is_identity(const Activation& a) { return std::holds_alternative<Identity>(a); }

/// The same as an activation; Identity where it is none.
inline Activation activation_of(const UnaryFn& fn) {
  return std::visit(
      [](auto f) -> Activation {
        if constexpr (std::is_constructible_v<Activation, decltype(f)>)
          return f;
        else
          return Identity{};
      },
      fn);
}

}  // namespace gradus
