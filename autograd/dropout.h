#pragma once

#include "autograd/tape.h"
#include "tensor/random.h"

namespace gradus {

/// Sets each element of an x of any shape to 0 with probability `rate` and scales the others by
/// 1 / (1 - rate) (Srivastava et al. 2014, "inverted"). Which ones follows from `draw` alone.
/// Throws Error unless 0 <= rate < 1 and where x is undefined, TypeError unless it is f32 or f64.
Var dropout(const Var& x, double rate, const Draw& draw);

}  // namespace gradus
