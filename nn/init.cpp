#include "nn/init.h"

#include <cmath>

#include "autograd/checks.h"
#include "tensor/backend.h"

namespace gradus {
namespace {

void fill_normal(const char* initializer, double stddev, Random& random, Tensor& y) {
  const Draw draw = random.next();
  require_on(initializer, draw, y.device());
  backend(y).fill_normal(draw, 0, stddev, y);
}

}  // namespace

Initializer constant(double value) {
  return [value](Tensor& y, int64_t, int64_t, Random&) { backend(y).fill(value, y); };
}

Initializer glorot_uniform() {
  return [](Tensor& y, int64_t fan_in, int64_t fan_out, Random& random) {
    const double limit = std::sqrt(6.0 / static_cast<double>(fan_in + fan_out));
    const Draw draw = random.next();
    require_on("glorot_uniform", draw, y.device());
    backend(y).fill_uniform(draw, -limit, limit, y);
  };
}

Initializer he_normal() {
  return [](Tensor& y, int64_t fan_in, int64_t, Random& random) {
    fill_normal("he_normal", std::sqrt(2.0 / static_cast<double>(fan_in)), random, y);
  };
}

Initializer normal(double stddev) {
  return [stddev](Tensor& y, int64_t, int64_t, Random& random) {
    fill_normal("normal", stddev, random, y);
  };
}

}  // namespace gradus
