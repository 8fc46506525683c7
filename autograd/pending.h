#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tensor/elementwise.h"
#include "tensor/tensor.h"

namespace gradus {

/// The value of an operation whose kernel can end with an activation. It is computed when somebody
/// reads it; an activation that comes first has its own output computed by the same kernel instead.
class Pending {
 public:
  /// Computes y from what the operation reads, with the activation applied to it.
  using Kernel =
      std::function<void(std::span<const Tensor> in, const Activation& activation, Tensor& y)>;
  /// y is of `shape`. The kernel reads `operands`, the first of which has y's dtype and device.
  Pending(const char* operation, std::vector<Tensor> operands, const Shape& shape, Kernel kernel);

  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }
  bool is_computed() const { return value_.defined(); }

  /// Computed by the first call, which lets go of the operands. Throws Error where one of them has
  /// been overwritten since the operation was called.
  const Tensor& value();
  /// activation(value), without the value. Only while it is not computed; throws as `value` does.
  Tensor activated(const Activation& activation) const;

 private:
  const char* operation_;
  std::string scope_;  ///< in which the operation was called
  std::vector<Tensor> operands_;
  int64_t writes_;  ///< to all operands then
  Shape shape_;
  DType dtype_;
  Device device_;
  Kernel kernel_;
  Tensor value_;
};

}  // namespace gradus
