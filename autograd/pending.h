#pragma once

#include <functional>
#include <optional>
#include <string>

#include "tensor/elementwise.h"
#include "tensor/scope.h"
#include "tensor/tensor.h"

namespace gradus {

/// The value of an operation whose kernel can end with an activation. It is computed when somebody
/// reads it; an activation that comes first has its own output computed by the same kernel instead.
class Pending {
 public:
  /// Computes y, to which the activation is applied. It captures Tensors, never Vars.
  using Kernel = std::function<void(const Activation& activation, Tensor& y)>;
  Pending(const Shape& shape, DType dtype, Device device, Kernel kernel)
      : shape_(shape), dtype_(dtype), device_(device), kernel_(std::move(kernel)) {}

  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }
  bool is_computed() const { return value_.defined(); }

  /// Computed by the first call, which lets go of what the kernel has captured.
  const Tensor& value() {
    if (is_computed()) return value_;
    value_ = activated(Identity{});
    kernel_ = nullptr;
    return value_;
  }
  /// activation(value), without the value. Only while it is not computed.
  Tensor activated(const Activation& activation) const {
    std::optional<Scope> scope;
    if (made_in_ != Scope::path()) scope.emplace(device_, made_in_);
    Tensor y(shape_, dtype_, device_);
    kernel_(activation, y);
    return y;
  }

 private:
  Shape shape_;
  DType dtype_;
  Device device_;
  Kernel kernel_;
  std::string made_in_ = Scope::path();
  Tensor value_;
};

}  // namespace gradus
