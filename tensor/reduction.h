#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "tensor/host_device.h"

// Reductions, written once for every device: what is known of the elements seen so far, in f64.
// `add` takes one more, `merge` what another part of them gave; `result` is the value.

namespace gradus {

enum class Reduction { sum, mean, max, logsumexp };

/// What is made of log(exp(x) / sum(exp(x))): itself, its exponential, or the derivative of
/// log(sum(exp(x))), which is the latter but 0 where every x is -infinity.
enum class Softmax { logarithms, probabilities, derivative };

namespace reduction {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Sum {
  double sum = 0;
  GRADUS_HD void add(double x) { sum += x; }
  GRADUS_HD void merge(const Sum& o) { sum += o.sum; }
  GRADUS_HD double result() const { return sum; }
};

/// NaN where there is one.
struct Max {
  double max = -kInfinity;
  GRADUS_HD void add(double x) { max = x > max || x != x ? x : max; }
  GRADUS_HD void merge(const Max& o) { add(o.max); }
  GRADUS_HD double result() const { return max; }
};

/// log(sum(exp(x))) = max + log1p(rest), 1 + rest being the sum of exp(x - max). Beside the 1 a
/// small rest would lose its digits. Of several largest x each counts 1, also where they are
/// infinite; -infinity adds nothing, and while nothing was added rest is -1.
struct LogSumExp {
  double max = -kInfinity, rest = -1;
  GRADUS_HD void add(double x) { merge({x, x == -kInfinity ? -1.0 : 0.0}); }
  GRADUS_HD void merge(const LogSumExp& o) {
    using std::exp;
    if (o.rest == -1) return;
    if (o.max == max) {
      rest += 1 + o.rest;
    } else if (o.max > max || o.max != o.max) {
      rest = o.rest + (1 + rest) * exp(max - o.max);
      max = o.max;
    } else {
      rest += (1 + o.rest) * exp(o.max - max);
    }
  }
  GRADUS_HD double result() const {
    using std::log1p;
    return max + log1p(rest);
  }
};

/// log(sum(exp(x))) in two parts, since their sum has too few digits for large x.
struct LogTotal {
  double max, above_max;

  LogTotal() = default;
  GRADUS_HD LogTotal(double max, double above_max) : max(max), above_max(above_max) {}
  GRADUS_HD explicit LogTotal(const LogSumExp& all) : max(all.max) {
    using std::log1p;
    above_max = log1p(all.rest);
  }
  /// log(exp(x) / sum(exp(x))) for one of the x. NaN where all are -infinity.
  GRADUS_HD double log_share(double x) const {
    return (x == max && x != -kInfinity ? 0 : x - max) - above_max;
  }
  GRADUS_HD double softmax(Softmax kind, double x) const {
    using std::exp;
    if (kind == Softmax::derivative && max == -kInfinity) return 0;
    const double log_share = this->log_share(x);
    return kind == Softmax::logarithms ? log_share : exp(log_share);
  }
  /// exp(log_share(x)) - label, which keeps its digits where both are near 1.
  GRADUS_HD double share_less(double label, double x) const {
    using std::exp;
    using std::expm1;
    const double log_share = this->log_share(x);
    return log_share > -0.5 ? expm1(log_share) + (1 - label) : exp(log_share) - label;
  }
};

}  // namespace reduction

/// Calls fn(state, divisor) with the state that a reduction of `count` elements each begins with,
/// and what its results are divided by.
template <class Fn>
void visit_reduction(Reduction op, int64_t count, const Fn& fn) {
  switch (op) {
    case Reduction::sum:
      return fn(reduction::Sum(), 1.0);
    case Reduction::mean:
      return fn(reduction::Sum(), static_cast<double>(count));
    case Reduction::max:
      return fn(reduction::Max(), 1.0);
    case Reduction::logsumexp:
      return fn(reduction::LogSumExp(), 1.0);
  }
}

}  // namespace gradus
