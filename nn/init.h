#pragma once

#include <functional>

#include "tensor/random.h"

namespace gradus {

/// Fills a parameter of any shape, f32 or f64, with its first values, by at most one draw of
/// `random`. `fan_in` and `fan_out` are the numbers of values that one output reads and one input
/// reaches: channels times kernel positions, at least 1.
using Initializer =
    std::function<void(Tensor& value, int64_t fan_in, int64_t fan_out, Random& random)>;

/// `value` everywhere.
Initializer constant(double value);
/// U[-L, L), L = sqrt(6 / (fan_in + fan_out)): Glorot & Bengio 2010, equation 16.
Initializer glorot_uniform();
/// N(0, 2 / fan_in), not truncated: He et al. 2015.
Initializer he_normal();
/// N(0, stddev^2), not truncated.
Initializer normal(double stddev);

}  // namespace gradus
