#pragma once

#include <functional>

#include "tensor/random.h"

namespace gradus {

/// Fills a parameter with its first values. `fan_in` and `fan_out` are the numbers of values that
/// one output reads and one input reaches: channels times kernel positions.
using Initializer =
    std::function<void(Tensor& value, int64_t fan_in, int64_t fan_out, Random& random)>;

Initializer constant(double value);
/// U(-L, L), L = sqrt(6 / (fan_in + fan_out)): Glorot & Bengio 2010.
Initializer glorot_uniform();
/// N(0, 2 / fan_in): He et al. 2015.
Initializer he_normal();
Initializer normal(double stddev);

}  // namespace gradus
