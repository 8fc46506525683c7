#include "tensor/tensor.h"

#include "tensor/backend.h"

namespace gradus {

Storage::Storage(size_t bytes, Device device)
    : bytes_(bytes), device_(device), data_(backend(device).allocate(bytes)) {}

Storage::~Storage() { backend(device_).release(data_); }

namespace {

/// A shape may count up to 2^62 elements, whose bytes would not fit a size_t.
size_t byte_count(const Shape& shape, DType dtype) {
  const auto count = static_cast<size_t>(shape.count());
  require<ShapeError>(count <= (size_t{1} << 62) / size_of(dtype), "tensor: {} {} is too large",
                      name(dtype), shape);
  return count * size_of(dtype);
}

}  // namespace

Tensor::Tensor(const Shape& shape, DType dtype, Device device)
    : storage_(std::make_shared<Storage>(byte_count(shape, dtype), device)),
      shape_(shape),
      dtype_(dtype) {}

template <class T>
Tensor Tensor::from(std::span<const T> values, const Shape& shape, Device device) {
  require<ShapeError>(static_cast<int64_t>(values.size()) == shape.count(),
                      "tensor: {} values do not fill the shape {}", values.size(), shape);
  Tensor t(shape, dtype_of<T>(), device);
  backend(device).copy_from_host(values.data(), t.mutable_raw(), t.bytes());
  return t;
}

Tensor Tensor::full(const Shape& shape, double value, DType dtype, Device device) {
  Tensor t(shape, dtype, device);
  backend(device).fill(value, t);
  return t;
}

template <class T>
void Tensor::require_dtype() const {
  require<TypeError>(dtype_of<T>() == dtype(), "tensor: read as {}, but it holds {}",
                     name(dtype_of<T>()), name(dtype_));
}

void Tensor::require_on_cpu() const {
  require<DeviceError>(device().is_cpu(), "tensor: its elements lie on {}, not on the cpu",
                       to_string(device()));
}

void* Tensor::mutable_raw() & {
  require_defined().storage_->count_write();
  return storage_->data();
}

template <class T>
const T* Tensor::data() const& {
  require_dtype<T>();
  return static_cast<const T*>(raw());
}

template <class T>
T* Tensor::mutable_data() & {
  require_dtype<T>();
  return static_cast<T*>(mutable_raw());
}

template <class T>
std::span<const T> Tensor::span() const& {
  require_on_cpu();
  return {data<T>(), static_cast<size_t>(count())};
}

template <class T>
std::span<T> Tensor::mutable_span() & {
  require_on_cpu();
  return {mutable_data<T>(), static_cast<size_t>(count())};
}

Tensor Tensor::reshape(const Shape& shape) const {
  require<ShapeError>(shape.count() == count(), "reshape: {} elements of {} do not fill {}",
                      count(), shape_, shape);
  Tensor t = *this;
  t.shape_ = shape;
  return t;
}

Tensor Tensor::clone() const {
  Tensor t = like();
  t.copy_from(*this);
  return t;
}

Tensor Tensor::to(Device device) const {
  if (device == this->device()) return *this;
  Tensor t(shape_, dtype_, device);
  t.copy_from(*this);
  return t;
}

Tensor Tensor::to(DType dtype) const {
  if (dtype == this->dtype()) return *this;
  Tensor t(shape_, dtype, device());
  backend(device()).cast(*this, t);
  return t;
}

void Tensor::copy_from(const Tensor& from) {
  require<ShapeError>(from.shape() == shape(), "copy: {} into {}", from.shape_, shape_);
  require<TypeError>(from.dtype_ == dtype_, "copy: {} into {}", name(from.dtype_), name(dtype_));
  if (from.device() == device())
    backend(device()).copy(from.raw(), mutable_raw(), bytes());
  else if (from.device().is_cpu())
    backend(device()).copy_from_host(from.raw(), mutable_raw(), bytes());
  else if (device().is_cpu())
    backend(from.device()).copy_to_host(from.raw(), mutable_raw(), bytes());
  else
    copy_from(from.to(kCpu));
}

template <class T>
std::vector<T> Tensor::to_vector() const {
  require_dtype<T>();
  std::vector<T> values(count());
  backend(device()).copy_to_host(raw(), values.data(), bytes());
  return values;
}

double Tensor::item() const {
  require<ShapeError>(count() == 1, "item: a tensor of shape {} is not a single value", shape_);
  const Tensor host = to(kCpu);
  return visit_dtype(dtype_, [&]<class T>(T) { return static_cast<double>(*host.data<T>()); });
}

#define GRADUS_FOR_ELEMENT_TYPE(T)                                           \
  template Tensor Tensor::from<T>(std::span<const T>, const Shape&, Device); \
  template const T* Tensor::data<T>() const&;                                \
  template T* Tensor::mutable_data<T>()&;                                    \
  template std::span<const T> Tensor::span<T>() const&;                      \
  template std::span<T> Tensor::mutable_span<T>()&;                          \
  template std::vector<T> Tensor::to_vector<T>() const;
GRADUS_FOR_ELEMENT_TYPE(float)
GRADUS_FOR_ELEMENT_TYPE(double)
GRADUS_FOR_ELEMENT_TYPE(int32_t)
GRADUS_FOR_ELEMENT_TYPE(uint8_t)
#undef GRADUS_FOR_ELEMENT_TYPE

}  // namespace gradus
