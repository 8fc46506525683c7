#pragma once

#include "autograd/tape.h"

// Losses of a prediction against a target of the same shape, whichever it is, both differentiable;
// a number []. Throw ShapeError where the shapes differ, and for a mean of nothing; Error where one
// is undefined; TypeError or DeviceError unless both are f32, or f64, on one device.

namespace gradus {

/// What becomes of the elements' losses.
enum class Total { mean, sum };

/// |prediction - target|; the derivative is 0 where they are equal.
Var l1_loss(const Var& prediction, const Var& target, Total total = Total::mean);
/// (prediction - target)^2.
Var mse_loss(const Var& prediction, const Var& target, Total total = Total::mean);
/// With d = prediction - target: d^2 / 2 where |d| <= delta, else delta * (|d| - delta / 2) (Huber
/// 1964). Throws Error unless delta > 0.
Var huber_loss(const Var& prediction, const Var& target, double delta = 1,
               Total total = Total::mean);

}  // namespace gradus
