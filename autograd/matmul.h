#pragma once

#include "autograd/tape.h"

namespace gradus {

struct Transpose {
  bool a = false, b = false;
};

/// [M, K] x [K, N] -> [M, N]; a transposed operand is given as [K, M] or [N, K].
Var matmul(const Var& a, const Var& b, Transpose transpose = {});

}  // namespace gradus
