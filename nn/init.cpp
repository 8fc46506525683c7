#include "nn/init.h"

#include <cmath>

#include "tensor/backend.h"

namespace gradus {

Initializer constant(double value) {
  return [value](Tensor& y, int64_t, int64_t, Random&) { backend(y).fill(value, y); };
}

Initializer glorot_uniform() {
  return [](Tensor& y, int64_t fan_in, int64_t fan_out, Random& random) {
    const double limit = std::sqrt(6.0 / static_cast<double>(fan_in + fan_out));
    backend(y).fill_uniform(random.next(), -limit, limit, y);
  };
}

Initializer he_normal() {
  return [](Tensor& y, int64_t fan_in, int64_t, Random& random) {
    backend(y).fill_normal(random.next(), 0, std::sqrt(2.0 / static_cast<double>(fan_in)), y);
  };
}

Initializer normal(double stddev) {
  return [stddev](Tensor& y, int64_t, int64_t, Random& random) {
    backend(y).fill_normal(random.next(), 0, stddev, y);
  };
}

}  // namespace gradus
