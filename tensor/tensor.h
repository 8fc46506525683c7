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
  /// Throws DeviceError where there is no such device or not enough memory on it.
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
/// that is Var's (autograd/tape.h). What reads bytes or a device asks for a defined tensor,
/// unchecked; an undefined one has the shape [] and the dtype f32.
class Tensor {
 public:
  /// An undefined tensor, for "none".
  Tensor() = default;
  /// Uninitialised elements. Throws ShapeError beyond 2^62 bytes, and DeviceError where there is no
  /// such device or not enough memory on it; so does all below that makes a tensor.
  Tensor(const Shape& shape, DType dtype, Device device = kCpu);

  /// `values` in row-major order as a tensor of T's dtype. Throws ShapeError where they are not
  /// shape.count().
  template <class T>
  static Tensor from(std::span<const T> values, const Shape& shape, Device device = kCpu);
  template <class T>
  static Tensor from(std::initializer_list<T> values, const Shape& shape, Device device = kCpu) {
    return from(std::span<const T>(values.begin(), values.size()), shape, device);
  }
  /// `value` converted as by a C++ cast.
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
  /// The elements of a CPU tensor. Throws DeviceError on another device, TypeError where T is not
  /// the dtype.
  template <class T>
  std::span<T> span() const;

  /// The same bytes under another shape. Throws ShapeError unless it has as many elements.
  Tensor reshape(const Shape& shape) const;
  /// An uninitialised tensor of the same shape, dtype and device.
  Tensor like() const { return Tensor(shape_, dtype_, device()); }
  /// A copy with bytes of its own.
  Tensor clone() const;
  /// This tensor on `device`, or converted to `dtype` as by C++ casts (towards 0; what does not fit
  /// an integer is undefined); itself where it is so already.
  Tensor to(Device device) const;
  Tensor to(DType dtype) const;
  /// Overwrites the elements by those of `from`, which may lie on any device. Throws ShapeError for
  /// another shape, TypeError for another dtype.
  void copy_from(const Tensor& from) const;
  /// The elements, as a copy on the host. Throws TypeError where T is not the dtype.
  template <class T>
  std::vector<T> to_vector() const;
  /// The only element, of any dtype and on any device. Throws ShapeError unless count() is 1.
  double item() const;

 private:
  std::shared_ptr<Storage> storage_;
  Shape shape_;
  DType dtype_ = DType::f32;
};

/// For people: "f32 [2, 3] cpu" and the values, rows in brackets, long axes shortened.
std::string to_string(const Tensor& t);

}  // namespace gradus
