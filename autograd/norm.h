#pragma once

#include "autograd/tape.h"

namespace gradus {

struct BatchNormResult {
  Var y;
  Tensor mean, variance;  ///< [C], of this batch; the variance is the biased one
};

/// Normalises x [..., C] over all axes but the last by the batch's own statistics (Ioffe & Szegedy
/// 2015): y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, gamma and beta [C].
BatchNormResult batch_norm(const Var& x, const Var& gamma, const Var& beta, double epsilon);

/// The same by given statistics, which get no gradient.
Var batch_norm_with(const Tensor& mean, const Tensor& variance, const Var& x, const Var& gamma,
                    const Var& beta, double epsilon);

/// Normalises each sample by itself over the last axes of x, as many as gamma has (Ba et al. 2016):
/// y = gamma * (x - mean) / sqrt(variance + epsilon) + beta; gamma and beta have the shape of those
/// axes, and the variance is the biased one.
Var layer_norm(const Var& x, const Var& gamma, const Var& beta, double epsilon);

}  // namespace gradus
