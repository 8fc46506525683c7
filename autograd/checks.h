#pragma once

#include <optional>

#include "autograd/composite.h"
#include "autograd/tape.h"
#include "tensor/random.h"

// Checks that operations share. Each throws with the operation's name in front, or that of the
// Composite of which it is a part: Error for what is undefined, TypeError, DeviceError or
// ShapeError.

namespace gradus {

inline void require_defined(const char* operation, const Var& x) {
  require<Error>(x.defined(), "{}: an operand is undefined", Composite::name(operation));
}

/// x is defined, and f32 or f64.
inline void require_float(const char* operation, const Var& x) {
  require_defined(operation, x);
  require<TypeError>(is_float(x.dtype()), "{}: needs f32 or f64, got {}",
                     Composite::name(operation), name(x.dtype()));
}

/// a and b have the same dtype, f32 or f64, and lie on one device.
inline void require_alike(const char* operation, const Var& a, const Var& b) {
  require_float(operation, a);
  require_defined(operation, b);
  require<TypeError>(a.dtype() == b.dtype(), "{}: operands are {} and {}; convert one of them",
                     Composite::name(operation), name(a.dtype()), name(b.dtype()));
  require<DeviceError>(a.device() == b.device(), "{}: operands are on {} and {}",
                       Composite::name(operation), to_string(a.device()), to_string(b.device()));
}

/// s has that rank; the message tells it by `axes`, "[N, H, W, C]".
inline void require_rank(const char* operation, const char* what, const Shape& s, int rank,
                         const char* axes) {
  require<ShapeError>(s.rank() == rank, "{}: {} must be {}, got {}", Composite::name(operation),
                      what, axes, s);
}

/// The draw's step lies where the numbers are drawn.
inline void require_on(const char* operation, const Draw& draw, Device device) {
  if (!draw.step.defined()) return;
  require<DeviceError>(
      draw.step.device() == device, "{}: it draws on {}, but the draw's step is on {}",
      Composite::name(operation), to_string(device), to_string(draw.step.device()));
}

/// Each of `index`, i32, lies in [0, rows) or is `allowed`; the message calls it `what`. Passes
/// unchecked while a recording runs on a CUDA device.
void require_in_range(const char* operation, const char* what, const Tensor& index, int64_t rows,
                      std::optional<int32_t> allowed = {});

}  // namespace gradus
