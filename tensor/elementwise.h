#pragma once

#include <cmath>
#include <variant>

#include "tensor/host_device.h"

// Element-wise functions, written once for every device. `f` is the function, `df` its derivative
// given input x and output y; `saves` names which of the two df reads, so that the tape keeps that
// one alone. Parameters are double: an f32 0.2 would cost 6e-9 in f64.

namespace gradus {

enum class Saves { nothing, input, output };

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
    return T(1) - y * y;
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

/// log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)).
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

struct Relu {
  static constexpr const char* kName = "relu";
  static constexpr Saves saves = Saves::output;
  template <class T>
  GRADUS_HD T f(T x) const {
    return x > T(0) ? x : T(0);
  }
  template <class T>
  GRADUS_HD T df(T, T y) const {
    return y > T(0) ? T(1) : T(0);
  }
};

/// max(slope * x, x) for 0 < slope < 1; the derivative at 0 is the slope. The output has the
/// input's sign, so the derivative reads it and the input need not live on.
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
    return y > T(0) ? T(1) : T(slope);
  }
};

/// |x|; the derivative at 0 is 0.
struct Abs {
  static constexpr const char* kName = "abs";
  static constexpr Saves saves = Saves::input;
  template <class T>
  GRADUS_HD T f(T x) const {
    return x < T(0) ? -x : x;
  }
  template <class T>
  GRADUS_HD T df(T x, T) const {
    return x > T(0) ? T(1) : x < T(0) ? T(-1) : T(0);
  }
};

/// The list that every backend visits: a new function becomes known by its line here.
using UnaryFn = std::variant<Affine, Exp, Log, Sqrt, Tanh, Sigmoid, Softplus, Relu, LeakyRelu, Abs>;

struct Add {
  template <class T>
  GRADUS_HD T f(T a, T b) const {
    return a + b;
  }
};
struct Sub {
  template <class T>
  GRADUS_HD T f(T a, T b) const {
    return a - b;
  }
};
struct Mul {
  template <class T>
  GRADUS_HD T f(T a, T b) const {
    return a * b;
  }
};
struct Div {
  template <class T>
  GRADUS_HD T f(T a, T b) const {
    return a / b;
  }
};
struct Maximum {
  template <class T>
  GRADUS_HD T f(T a, T b) const {
    return a >= b ? a : b;
  }
};
/// Comparisons give 1 or 0.
struct GreaterEqual {
  template <class T>
  GRADUS_HD T f(T a, T b) const {
    return a >= b ? T(1) : T(0);
  }
};
struct Equal {
  template <class T>
  GRADUS_HD T f(T a, T b) const {
    return a == b ? T(1) : T(0);
  }
};

using BinaryFn = std::variant<Add, Sub, Mul, Div, Maximum, GreaterEqual, Equal>;

}  // namespace gradus
