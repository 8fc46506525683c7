#pragma once

#include "autograd/tape.h"

// Masks: 1 where a comparison holds and 0 where it does not, also where an operand is NaN (but for
// not_equal). Operands of any dtype, both alike, broadcast as in NumPy; a number c stands for a
// tensor of it. A mask has the dtype of its operands, f32 where those are u8 or i32, and is a
// constant: no gradient flows through it. Throw as the operations of autograd/elementwise.h do.

namespace gradus {

Tensor operator<(const Var& a, const Var& b);
Tensor operator<=(const Var& a, const Var& b);
Tensor operator>(const Var& a, const Var& b);
Tensor operator>=(const Var& a, const Var& b);
Tensor equal(const Var& a, const Var& b);
Tensor not_equal(const Var& a, const Var& b);

Tensor operator<(const Var& x, double c);
Tensor operator<=(const Var& x, double c);
Tensor operator>(const Var& x, double c);
Tensor operator>=(const Var& x, double c);
Tensor equal(const Var& x, double c);
Tensor not_equal(const Var& x, double c);

/// a where the mask is not 0, else b, whose values there change nothing, NaN or not; neither gets a
/// gradient from where the other was taken. The mask is of any dtype; all three broadcast.
Var where(const Var& mask, const Var& a, const Var& b);
Var where(const Var& mask, const Var& a, double b);
Var where(const Var& mask, double a, const Var& b);

}  // namespace gradus
