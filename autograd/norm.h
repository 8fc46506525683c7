#pragma once

#include "autograd/tape.h"

// All operands are of one dtype, f32 or f64, on one device. Throw Error where one is undefined,
// TypeError or DeviceError where they are not alike, ShapeError where their shapes do not fit
// together. epsilon is above 0, unchecked.

namespace gradus {

struct [[nodiscard]] BatchNormResult {
  Var y;               ///< of x's shape
  Var mean, variance;  ///< [C], of this batch, constants; the variance is the biased one
};

/// Normalises x [..., C] over all axes but the last by the batch's own statistics (Ioffe & Szegedy
/// 2015): y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, gamma and beta [C]. x has two
/// axes or more and is not empty.
BatchNormResult batch_norm(const Var& x, const Var& gamma, const Var& beta, double epsilon);

/// The same by given statistics [C], which get no gradient -> y of x's shape.
Var batch_norm_with(const Tensor& mean, const Tensor& variance, const Var& x, const Var& gamma,
                    const Var& beta, double epsilon);

/// Normalises each sample by itself over the last axes of x, as many as gamma has (Ba et al. 2016):
/// y = gamma * (x - mean) / sqrt(variance + epsilon) + beta; gamma and beta have the shape of those
/// axes, not empty, and the variance is the biased one -> y of x's shape.
Var layer_norm(const Var& x, const Var& gamma, const Var& beta, double epsilon);

}  // namespace gradus
