#pragma once

#include "autograd/tape.h"
#include "tensor/scope.h"

// What operations share: checks, each of which throws with the operation's name in front (Error for
// what is undefined, TypeError, DeviceError or ShapeError), and their results' memory.

namespace gradus {

inline void require_defined(const char* operation, const Var& x) {
  require<Error>(x.defined(), "{}: an operand is undefined", operation);
}

/// x is defined, and f32 or f64.
inline void require_float(const char* operation, const Var& x) {
  require_defined(operation, x);
  require<TypeError>(is_float(x.dtype()), "{}: needs f32 or f64, got {}", operation,
                     name(x.dtype()));
}

/// a and b have the same dtype, f32 or f64, and lie on one device.
inline void require_alike(const char* operation, const Var& a, const Var& b) {
  require_float(operation, a);
  require_defined(operation, b);
  require<TypeError>(a.dtype() == b.dtype(), "{}: operands are {} and {}; convert one of them",
                     operation, name(a.dtype()), name(b.dtype()));
  require<DeviceError>(a.device() == b.device(), "{}: operands are on {} and {}", operation,
                       to_string(a.device()), to_string(b.device()));
}

/// s has that rank; the message tells it by `axes`, "[N, H, W, C]".
inline void require_rank(const char* operation, const char* what, const Shape& s, int rank,
                         const char* axes) {
  require<ShapeError>(s.rank() == rank, "{}: {} must be {}, got {}", operation, what, axes, s);
}

/// A tensor of that shape for the operation to fill. An error about memory names the operation.
inline Tensor result(const char* operation, const Shape& shape, DType dtype, Device device) {
  const Scope scope(operation);
  return Tensor(shape, dtype, device);
}

/// The same with x's dtype and device.
inline Tensor result(const char* operation, const Shape& shape, const Var& x) {
  return result(operation, shape, x.dtype(), x.device());
}

}  // namespace gradus
