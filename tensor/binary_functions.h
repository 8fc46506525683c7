#pragma once

#include <cmath>
#include <variant>

#include "tensor/elementwise.h"
#include "tensor/host_device.h"
#include "tensor/nan_order.h"

// Element-wise functions of two operands, which broadcast, written once for every device. Their
// gradients are made of other operations, but for SigmoidCrossEntropy's.

namespace gradus {

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
/// The larger; NaN where either is NaN.
struct Maximum {
  template <class T>
  GRADUS_HD T f(T a, T b) const {
    return is_larger(b, a) ? b : a;
  }
};
/// 1 where a is Maximum's, also of equals, else 0.
struct MaximumIsFirst {
  template <class T>
  GRADUS_HD T f(T a, T b) const {
    return is_larger(b, a) ? T(0) : T(1);
  }
};
/// The smaller; NaN where either is NaN.
struct Minimum {
  template <class T>
  GRADUS_HD T f(T a, T b) const {
    return a != a || a <= b ? a : b;
  }
};
/// 1 where a is Minimum's, also of equals, else 0.
struct MinimumIsFirst {
  template <class T>
  GRADUS_HD T f(T a, T b) const {
    return a != a || a <= b ? T(1) : T(0);
  }
};
/// Comparisons give 1 or 0; with a NaN 0.
struct Greater {
  template <class T>
  GRADUS_HD T f(T a, T b) const {
    return a > b ? T(1) : T(0);
  }
};
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

/// x where the mask is not 0, or where it is 0; elsewhere 0, whatever x is there.
struct Masked {
  bool where_zero = false;
  template <class T>
  GRADUS_HD T f(T mask, T x) const {
    return (mask == T(0)) == where_zero ? x : T(0);
  }
};

/// - label * log(sigmoid(logit)) - (1 - label) * log(1 - sigmoid(logit)), label in [0, 1]: what the
/// label takes from |logit|, and log(1 + exp(-|logit|)). A weight of 0 counts 0, also at infinity.
struct SigmoidCrossEntropy {
  template <class T>
  GRADUS_HD T f(T logit, T label) const {
    using std::exp;
    using std::fabs;
    using std::log1p;
    const T size = fabs(logit);
    return weighted(size, logit > T(0) ? T(1) - label : label) + log1p(exp(-size));
  }
  /// sigmoid(logit) - label, the derivative by the logit, which keeps its digits in both tails.
  template <class T>
  GRADUS_HD T df(T logit, T label) const {
    if (logit > T(0)) return (T(1) - label) - Sigmoid{}.f(-logit);
    return Sigmoid{}.f(logit) - label;
  }
};

/// The list that every backend visits.
using BinaryFn = std::variant<Add, Sub, Mul, Div, Maximum, MaximumIsFirst, Minimum, MinimumIsFirst,
                              Greater, GreaterEqual, Equal, Masked, SigmoidCrossEntropy>;

}  // namespace gradus
