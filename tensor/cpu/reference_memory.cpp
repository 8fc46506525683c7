#include <omp.h>

#include <cstring>

#include "tensor/cpu/parallel.h"
#include "tensor/cpu/reference.h"

namespace gradus::cpu {
namespace {

class Call final : public Recording {
 public:
  explicit Call(std::function<void()> work) : work_(std::move(work)) {}
  void run() override { work_(); }

 private:
  std::function<void()> work_;
};

}  // namespace

void Reference::copy_from_host(const void* host, void* device, size_t bytes) {
  if (bytes) std::memcpy(device, host, bytes);
}
void Reference::copy_to_host(const void* device, void* host, size_t bytes) {
  if (bytes) std::memcpy(host, device, bytes);
}
void Reference::copy(const void* from, void* to, size_t bytes) {
  if (bytes) std::memcpy(to, from, bytes);
}

std::unique_ptr<Recording> Reference::record(std::function<void()> work) {
  return std::make_unique<Call>(std::move(work));
}

std::string Reference::describe() const {
  return fmt::format("cpu: reference loops, {} threads", omp_get_max_threads());
}

void Reference::configure(const BackendOptions& options) {
  require<DeviceError>(!options.tf32,
                       "cpu: it computes f32 in fp32 only; TF32 is for CUDA devices");
}

void Reference::fill(double value, Tensor& y) {
  visit_dtype(y.dtype(), [&]<class T>(T) {
    T* out = y.mutable_data<T>();
    parallel_for(y.count(), kGrain,
                 [&](int64_t begin, int64_t end) { std::fill(out + begin, out + end, T(value)); });
  });
}

void Reference::cast(const Tensor& x, Tensor& y) {
  visit_dtype(x.dtype(), [&]<class From>(From) {
    visit_dtype(y.dtype(), [&]<class To>(To) {
      const From* in = x.data<From>();
      To* out = y.mutable_data<To>();
      for (int64_t i = 0; i < x.count(); ++i) out[i] = static_cast<To>(in[i]);
    });
  });
}

void Reference::copy_slice(const Tensor& x, int axis, int64_t x_begin, int64_t y_begin,
                           int64_t length, Tensor& y) {
  int64_t outer = 1;
  size_t inner = size_of(x.dtype());
  for (int i = 0; i < axis; ++i) outer *= x.shape()[i];
  for (int i = axis + 1; i < x.shape().rank(); ++i) inner *= x.shape()[i];
  const auto* in = static_cast<const char*>(x.raw());
  auto* out = static_cast<char*>(y.mutable_raw());
  const size_t bytes = length * inner;
  for (int64_t i = 0; i < outer && bytes; ++i)
    std::memcpy(out + (i * y.shape()[axis] + y_begin) * inner,
                in + (i * x.shape()[axis] + x_begin) * inner, bytes);
}

void Reference::copy_strided(const Tensor& x, int64_t first, std::span<const int64_t> steps,
                             Tensor& y) {
  if (y.count() == 0) return;
  const Shape& shape = y.shape();
  const int last = shape.rank() - 1;
  const int64_t width = last < 0 ? 1 : shape[last], step = last < 0 ? 0 : steps[last];
  visit_dtype(x.dtype(), [&]<class T>(T) {
    const T* in = x.data<T>() + first;
    T* out = y.mutable_data<T>();
    parallel_for(y.count() / width, kGrain / width + 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        int64_t at = 0, rest = row;
        for (int axis = last - 1; axis >= 0; --axis) {
          at += rest % shape[axis] * steps[axis];
          rest /= shape[axis];
        }
        for (int64_t j = 0; j < width; ++j) out[row * width + j] = in[at + j * step];
      }
    });
  });
}

void Reference::gather(const Tensor& x, const Tensor& index, double scale, double shift,
                       Tensor& y) {
  visit_gathered(x.dtype(), y.dtype(), [&]<class In, class T>(In, T) {
    const int32_t* rows = index.data<int32_t>();
    const int64_t width = index.count() ? y.count() / index.count() : 0;
    const In* const from = x.data<In>();
    T* const to = y.mutable_data<T>();
    parallel_for(index.count(), kGrain / std::max<int64_t>(width, 1) + 1,
                 [=](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     const In* in = from + rows[i] * width;
                     T* out = to + i * width;
                     for (int64_t j = 0; j < width; ++j) out[j] = T(T(scale) * T(in[j]) + T(shift));
                   }
                 });
  });
}

void Reference::gather_backward(const Tensor& index, const Tensor& dy, Tensor& dx) {
  visit_float(dy.dtype(), [&]<class T>(T) {
    const int32_t* rows = index.data<int32_t>();
    const int64_t width = index.count() ? dy.count() / index.count() : 0;
    const T* const from = dy.data<T>();
    T* const to = dx.mutable_data<T>();
    for (int64_t i = 0; i < index.count(); ++i) {
      const T* in = from + i * width;
      T* out = to + rows[i] * width;
      for (int64_t j = 0; j < width; ++j) out[j] += in[j];
    }
  });
}

void Reference::one_hot(const Tensor& index, Tensor& y) {
  fill(0, y);
  visit_float(y.dtype(), [&]<class T>(T) {
    const int32_t* at = index.data<int32_t>();
    const int64_t depth = y.shape()[1];
    T* const out = y.mutable_data<T>();
    for (int64_t i = 0; i < index.count(); ++i)
      if (at[i] >= 0 && at[i] < depth) out[i * depth + at[i]] = T(1);
  });
}

}  // namespace gradus::cpu
