#pragma once

#include "autograd/tape.h"

namespace gradus {

/// Which operands are read as their transposes.
struct Transpose {
  bool a = false, b = false;
};

/// a [..., M, K] times b [..., K, N] -> [..., M, N]; a transposed operand is given as [..., K, M]
/// or
/// [..., N, K]. Leading axes broadcast as in NumPy: one product for each index of theirs. Throws
/// ShapeError where an operand is no matrix, K differs or leading axes do not broadcast, Error
/// where one is undefined, TypeError or DeviceError unless both are f32, or f64, on one device.
Var matmul(const Var& a, const Var& b, Transpose transpose = {});

}  // namespace gradus
