#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/device.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace gradus {

/// Bytes on one device; they go back to that device's allocator on destruction.
class Storage {
 public:
  Storage(size_t bytes, Device device);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  Device device() const { return device_; }
  int64_t overwrites() const { return overwrites_; }
  void note_overwrite() { ++overwrites_; }

 private:
  size_t bytes_;
  Device device_;
  void* data_;
  int64_t overwrites_ = 0;
};

/// A contiguous row-major array. Copying a Tensor shares the bytes. It carries no gradient state:
/// that is Var's (autograd/tape.h).
class Tensor {
 public:
  /// An undefined tensor, for "none".
  Tensor() = default;
  /// Uninitialised elements. Throws DeviceError where the device has not enough memory.
  Tensor(const Shape& shape, DType dtype, Device device = kCpu);

  /// `values` in row-major order as a tensor of T's dtype. Throws ShapeError where they are not
  /// shape.count().
  template <class T>
  static Tensor from(std::span<const T> values, const Shape& shape, Device device = kCpu);
  template <class T>
  static Tensor from(std::initializer_list<T> values, const Shape& shape, Device device = kCpu) {
    return from(std::span<const T>(values.begin(), values.size()), shape, device);
  }
  static Tensor full(const Shape& shape, double value, DType dtype, Device device = kCpu);
  static Tensor zeros(const Shape& shape, DType dtype, Device device = kCpu) {
    return full(shape, 0, dtype, device);
  }

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  Device device() const { return storage_->device(); }
  int64_t count() const { return shape_.count(); }
  size_t bytes() const { return static_cast<size_t>(count()) * size_of(dtype_); }
  /// How often copy_from and optimisers have changed the bytes: what tells a value that is computed
  /// later (autograd/pending.h) that it would not be the same.
  int64_t overwrites() const { return storage_ ? storage_->overwrites() : 0; }
  void note_overwrite() const { storage_->note_overwrite(); }
  /// True where no other Tensor shares the bytes.
  bool unique() const { return storage_.use_count() == 1; }

  /// The address of the first element, on device().
  void* raw() const { return storage_->data(); }
  /// The same as T*. Throws TypeError where T is not the dtype.
  template <class T>
  T* data() const;
  /// The elements of a CPU tensor. Throws DeviceError on another device.
  template <class T>
  std::span<T> span() const;

  /// The same bytes under another shape of as many elements.
  Tensor reshape(const Shape& shape) const;
  /// An uninitialised tensor of the same shape, dtype and device.
  Tensor like() const { return Tensor(shape_, dtype_, device()); }
  /// A copy with bytes of its own.
  Tensor clone() const;
  /// This tensor on `device`, or converted to `dtype`; itself where it is so already.
  Tensor to(Device device) const;
  Tensor to(DType dtype) const;
  /// Overwrites the elements by those of `from`: same shape and dtype, any device.
  void copy_from(const Tensor& from) const;
  /// The elements, as a copy on the host.
  template <class T>
  std::vector<T> to_vector() const;
  /// The only element of a tensor of count 1, on any device.
  double item() const;

 private:
  std::shared_ptr<Storage> storage_;
  Shape shape_;
  DType dtype_ = DType::f32;
};

/// For people: "f32 [2, 3] cpu" and the values, rows in brackets, long axes shortened.
std::string to_string(const Tensor& t);

}  // namespace gradus
