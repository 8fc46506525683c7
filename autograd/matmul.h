#pragma once

#include "autograd/tape.h"

namespace gradus {

/// Which operands are read as their transposes.
struct Transpose {
  bool a = false, b = false;
};

/// a [M, K] times b [K, N] -> [M, N]; a transposed operand is given as [K, M] or [N, K]. Throws
/// ShapeError where they are no matrices or K differs, Error where one is undefined, TypeError or
/// DeviceError unless both are f32, or f64, on one device.
Var matmul(const Var& a, const Var& b, Transpose transpose = {});

}  // namespace gradus
