#pragma once

#include <cmath>
#include <variant>

#include "tensor/host_device.h"

// Optimisers' updates of one element, written once for every device. `scalars` gives what all
// elements of a call share, from the learning rate and the number of the step t (1 is the first);
// `step` changes the value w and the moments m and v by the gradient g. A moment that an update
// does not use is 0 at each call and not kept. Parameters are double, as in elementwise.h, and not
// checked: betas, alpha, momentum and decay lie in [0, 1), epsilon is above 0.

namespace gradus {

/// Adam, Kingma & Ba 2015: m = beta1 * m + (1 - beta1) * g; v = beta2 * v + (1 - beta2) * g^2;
/// w -= lr * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon), the end of the paper's
/// section 2 and as TensorFlow computes it; with `epsilon_hat` false, its algorithm 1:
/// w -= lr * m_hat / (sqrt(v_hat) + epsilon). With a weight decay, AdamW (Loshchilov & Hutter
/// 2019): before that, w *= 1 - lr * weight_decay.
struct AdamUpdate {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  bool epsilon_hat = true;
  double weight_decay = 0;

  bool uses_m() const { return true; }
  bool uses_v() const { return true; }

  struct Scalars {
    double rate, epsilon, keep;
  };
  GRADUS_HD Scalars scalars(double lr, double t) const {
    using std::pow;
    using std::sqrt;
    const double correction1 = 1 - pow(beta1, t), correction2 = sqrt(1 - pow(beta2, t));
    return {lr * correction2 / correction1, epsilon_hat ? epsilon : epsilon * correction2,
            1 - lr * weight_decay};
  }
  template <class T>
  GRADUS_HD void step(const Scalars& s, T& w, T g, T& m, T& v) const {
    using std::sqrt;
    m = T(beta1) * m + T(1 - beta1) * g;
    v = T(beta2) * v + T(1 - beta2) * g * g;
    w = T(s.keep) * w - T(s.rate) * m / (sqrt(v) + T(s.epsilon));
  }
};

/// Gradient descent, with momentum Polyak's (1964) as PyTorch defines it:
/// m = momentum * m + g; w -= lr * m.
struct SgdUpdate {
  double momentum = 0;

  bool uses_m() const { return momentum != 0; }
  bool uses_v() const { return false; }

  struct Scalars {
    double rate;
  };
  GRADUS_HD Scalars scalars(double lr, double) const { return {lr}; }
  template <class T>
  GRADUS_HD void step(const Scalars& s, T& w, T g, T& m, T&) const {
    m = T(momentum) * m + g;
    w -= T(s.rate) * m;
  }
};

/// RMSProp: Tieleman & Hinton 2012, as PyTorch defines it: v = alpha * v + (1 - alpha) * g^2;
/// m = momentum * m + g / (sqrt(v) + epsilon); w -= lr * m.
struct RmsPropUpdate {
  double alpha = 0.99, epsilon = 1e-8, momentum = 0;

  bool uses_m() const { return momentum != 0; }
  bool uses_v() const { return true; }

  struct Scalars {
    double rate;
  };
  GRADUS_HD Scalars scalars(double lr, double) const { return {lr}; }
  template <class T>
  GRADUS_HD void step(const Scalars& s, T& w, T g, T& m, T& v) const {
    using std::sqrt;
    v = T(alpha) * v + T(1 - alpha) * g * g;
    m = T(momentum) * m + g / (sqrt(v) + T(epsilon));
    w -= T(s.rate) * m;
  }
};

/// An exponential moving average w of what is given as g: w = decay * w + (1 - decay) * g.
struct EmaUpdate {
  double decay = 0.999;

  bool uses_m() const { return false; }
  bool uses_v() const { return false; }

  struct Scalars {};
  GRADUS_HD Scalars scalars(double, double) const { return {}; }
  template <class T>
  GRADUS_HD void step(const Scalars&, T& w, T g, T&, T&) const {
    w = T(decay) * w + T(1 - decay) * g;
  }
};

/// The list that every backend visits.
using UpdateFn = std::variant<AdamUpdate, SgdUpdate, RmsPropUpdate, EmaUpdate>;

}  // namespace gradus
