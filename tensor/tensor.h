#pragma once

#include <atomic>
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
  /// How often somebody has asked to write the bytes.
  int64_t writes() const { return writes_.load(std::memory_order_relaxed); }
  void count_write() { writes_.fetch_add(1, std::memory_order_relaxed); }

 private:
  size_t bytes_;
  Device device_;
  void* data_;
  std::atomic<int64_t> writes_ = 0;
};

/// A contiguous row-major array. Copying a Tensor shares the bytes. It carries no gradient state:
/// that is Var's (autograd/tape.h). An undefined tensor has neither shape nor bytes: what asks it
/// for them throws Error.
///
/// Reading and writing are two accesses. The mutable ones count a write, so that what is computed
/// later from the bytes (a gradient, a pending value) can tell that they are no longer the same;
/// take one anew for each change.
class [[nodiscard]] Tensor {
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

  [[nodiscard]] bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const& { return require_defined().shape_; }
  Shape shape() && { return require_defined().shape_; }
  DType dtype() const { return require_defined().dtype_; }
  Device device() const { return require_defined().storage_->device(); }
  int64_t count() const { return shape().count(); }
  size_t bytes() const { return static_cast<size_t>(count()) * size_of(dtype_); }
  /// How often a mutable access to the bytes was given, to this tensor or one that shares them.
  int64_t writes() const { return require_defined().storage_->writes(); }
  /// True where no other Tensor shares the bytes.
  [[nodiscard]] bool unique() const { return storage_.use_count() == 1; }

  /// The address of the first element, on device(). What a temporary would be left to point to is
  /// freed at once, so it is not for temporaries; nor are the others below.
  const void* raw() const& { return require_defined().storage_->data(); }
  void* mutable_raw() &;
  /// The same as T*. Throws TypeError where T is not the dtype.
  template <class T>
  const T* data() const&;
  template <class T>
  T* mutable_data() &;
  /// The elements of a CPU tensor. Throws DeviceError on another device, TypeError where T is not
  /// the dtype.
  template <class T>
  std::span<const T> span() const&;
  template <class T>
  std::span<T> mutable_span() &;
  const void* raw() const&& = delete;
  template <class T>
  const T* data() const&& = delete;
  template <class T>
  std::span<const T> span() const&& = delete;

  /// The same bytes under another shape. Throws ShapeError unless it has as many elements.
  Tensor reshape(const Shape& shape) const;
  /// The same; one extent may be -1, for what the others leave.
  Tensor reshape(std::initializer_list<int64_t> extents) const {
    return reshape(filled_shape("reshape", extents, shape_));
  }
  /// An uninitialised tensor of the same shape, dtype and device.
  Tensor like() const { return Tensor(shape(), dtype(), device()); }
  /// A copy with bytes of its own.
  Tensor clone() const;
  /// This tensor on `device`, or converted to `dtype` as by C++ casts (towards 0; what does not fit
  /// an integer is undefined); itself where it is so already.
  Tensor to(Device device) const;
  Tensor to(DType dtype) const;
  /// Overwrites the elements by those of `from`, which may lie on any device. Throws ShapeError for
  /// another shape, TypeError for another dtype.
  void copy_from(const Tensor& from);
  /// The elements, as a copy on the host. Throws TypeError where T is not the dtype.
  template <class T>
  [[nodiscard]] std::vector<T> to_vector() const;
  /// The only element, of any dtype and on any device. Throws ShapeError unless count() is 1.
  [[nodiscard]] double item() const;

 private:
  const Tensor& require_defined() const {
    require<Error>(defined(), "tensor: it is undefined, and has neither shape nor elements");
    return *this;
  }
  template <class T>
  void require_dtype() const;
  void require_on_cpu() const;

  std::shared_ptr<Storage> storage_;
  Shape shape_;
  DType dtype_ = DType::f32;
};

/// For people: "f32 [2, 3] cpu" and the values, rows in brackets, long axes shortened.
[[nodiscard]] std::string to_string(const Tensor& t);
template <>
inline constexpr bool kPrinted<Tensor> = true;

}  // namespace gradus
