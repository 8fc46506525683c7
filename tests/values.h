#pragma once

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "tensor/tensor.h"

// Plain arrays of double, by which tests state what they expect without the library's kernels.

namespace gradus {

struct Array {
  Shape shape;
  std::vector<double> v;

  Array() : Array(Shape{}) {}
  explicit Array(const Shape& s) : shape(s), v(s.count(), 0.0) {}

  /// The element at these coordinates, one an axis.
  template <class... I>
  double& operator()(I... at) {
    return v[offset(at...)];
  }
  template <class... I>
  double operator()(I... at) const {
    return v[offset(at...)];
  }

 private:
  template <class... I>
  int64_t offset(I... at) const {
    int64_t sum = 0;
    int axis = 0;
    ((sum = sum * shape[axis++] + at), ...);
    return sum;
  }
};

using Index = std::vector<int64_t>;

/// Calls fn(coordinates) for each element in row-major order.
template <class Fn>
void for_each_index(const Shape& shape, const Fn& fn) {
  Index at(shape.rank(), 0);
  for (int64_t n = shape.count(); n > 0; --n) {
    fn(at);
    for (int i = shape.rank() - 1; i >= 0 && ++at[i] == shape[i]; --i) at[i] = 0;
  }
}

/// a's element at the coordinates of something that a broadcasts to.
inline double broadcast_at(const Array& a, const Index& at) {
  int64_t offset = 0;
  const int skipped = static_cast<int>(at.size()) - a.shape.rank();
  for (int i = 0; i < a.shape.rank(); ++i)
    offset = offset * a.shape[i] + (a.shape[i] == 1 ? 0 : at[i + skipped]);
  return a.v[offset];
}

/// Uniform in [low, high), each value an f32, so that a test in f32 and f64 starts from the same.
inline Array random_array(const Shape& shape, double low, double high, unsigned seed) {
  std::mt19937 words(seed);
  Array a(shape);
  for (double& x : a.v)
    x = static_cast<float>(low + (high - low) * static_cast<double>(words() >> 8) * 0x1p-24);
  return a;
}

inline Tensor to_tensor(const Array& a, DType dtype, Device device = kCpu) {
  return Tensor::from(std::span<const double>(a.v), a.shape).to(dtype).to(device);
}

inline Array to_array(const Tensor& t) {
  Array a(t.shape());
  a.v = t.to(kCpu).to(DType::f64).to_vector<double>();
  return a;
}

inline Tensor random_tensor(const Shape& shape, DType dtype, unsigned seed, double low = -1,
                            double high = 1) {
  return to_tensor(random_array(shape, low, high, seed), dtype);
}

/// The largest difference relative to the largest expected value (at least 1e-3); infinite where
/// the shapes differ or a value is not finite.
inline double error_of(const Array& got, const Array& expected) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (got.shape != expected.shape) return kInfinity;
  double scale = 1e-3, worst = 0;
  for (const double e : expected.v) scale = std::max(scale, std::abs(e));
  for (size_t i = 0; i < got.v.size(); ++i) {
    const double difference = std::abs(got.v[i] - expected.v[i]);
    if (!(difference < kInfinity)) return kInfinity;
    worst = std::max(worst, difference);
  }
  return worst / scale;
}

/// So many threads for as long as it lives.
class Threads {
 public:
  explicit Threads(int n) : before_(omp_get_max_threads()) { omp_set_num_threads(n); }
  ~Threads() { omp_set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

inline bool same_bits(const Array& a, const Array& b) {
  return a.shape == b.shape &&
         (a.v.empty() || std::memcmp(a.v.data(), b.v.data(), a.v.size() * sizeof(double)) == 0);
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && same_bits(to_array(a), to_array(b));
}

}  // namespace gradus
