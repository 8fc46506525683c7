#pragma once

#include "autograd/composite.h"
#include "autograd/tape.h"
#include "tensor/scope.h"

// The memory of operations' results.

namespace gradus {

/// A tensor of that shape for the operation to fill. An error about memory names the operation.
inline Tensor result(const char* operation, const Shape& shape, DType dtype, Device device) {
  const Scope scope(Composite::name(operation));
  return Tensor(shape, dtype, device);
}

/// The same with x's dtype and device.
inline Tensor result(const char* operation, const Shape& shape, const Var& x) {
  return result(operation, shape, x.dtype(), x.device());
}

}  // namespace gradus
