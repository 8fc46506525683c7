#pragma once

#include <vector>

#include "tensor/tensor.h"

// Gradients made smaller before an optimiser sees them: of any shapes, f32 or f64 (else TypeError),
// for a global norm all of one dtype and device. Nothing is read on the host.

namespace gradus {

struct [[nodiscard]] ClippedGradients {
  std::vector<Tensor> gradients;  ///< in the order and of the shapes of those given
  Tensor norm;                    ///< [], before clipping
};

/// Scales all gradients alike so that their global norm, the root of the sum of all their squares,
/// is at most max_norm (Pascanu et al. 2013): g * max_norm / max(norm, max_norm). Where the norm is
/// not finite, also because squares overflow, every element becomes NaN, as TensorFlow has it.
/// Throws Error for no gradients and unless max_norm > 0.
ClippedGradients clip_by_global_norm(const std::vector<Tensor>& gradients, double max_norm);

/// Each element clamped to [-limit, limit]; NaN stays. Throws Error unless limit > 0.
[[nodiscard]] std::vector<Tensor> clip_by_value(const std::vector<Tensor>& gradients, double limit);

}  // namespace gradus
