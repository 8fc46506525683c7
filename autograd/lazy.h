#pragma once

#include "tensor/tensor.h"

namespace gradus {

/// A tensor that is computed when somebody first reads it; shape, dtype and device are known
/// before.
class Lazy {
 public:
  Lazy(const Shape& shape, DType dtype, Device device)
      : shape_(shape), dtype_(dtype), device_(device) {}
  virtual ~Lazy() = default;
  Lazy(const Lazy&) = delete;
  Lazy& operator=(const Lazy&) = delete;

  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }
  [[nodiscard]] bool is_computed() const { return value_.defined(); }
  /// Throws what computing it throws.
  const Tensor& value() {
    if (!is_computed()) value_ = compute();
    return value_;
  }

 private:
  virtual Tensor compute() = 0;

  Shape shape_;
  DType dtype_;
  Device device_;
  Tensor value_;
};

}  // namespace gradus
