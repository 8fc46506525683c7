#include <cmath>
#include <limits>

#include "apps/ssgan/import/import.h"
#include "nn/optim.h"

namespace gradus::ssgan {
namespace {

/// TensorFlow sets what is smaller to 0 on some devices.
constexpr float kSmallestPower = std::numeric_limits<float>::min();

std::optional<int64_t> steps_of_power(float power, float beta) {
  constexpr float kTolerance = 1e-4f;  // the next power of 0.999 differs by 1e-3
  require<DataError>(beta > 0 && beta < 1, "a beta of {}; between 0 and 1 expected", beta);
  int64_t t = 0;
  float product = beta;  // rounded at each step, as TensorFlow's is
  for (; product > power * (1 + kTolerance) && product >= kSmallestPower; ++t) product *= beta;
  if (power >= 0 && power < kSmallestPower) return {};
  require<DataError>(std::abs(product - power) <= kTolerance * power, "{} is no power of {}", power,
                     beta);
  return t;
}

}  // namespace

std::optional<int64_t> steps_of_powers(float beta1_power, float beta2_power, double beta1) {
  const auto t1 = steps_of_power(beta1_power, static_cast<float>(beta1));
  const auto t2 = steps_of_power(beta2_power, static_cast<float>(AdamUpdate{}.beta2));
  // beta1's vanishes early, and is then all the same for every later t.
  const bool agree =
      t1 ? t1 == t2 : !t2 || std::pow(beta1, static_cast<double>(*t2) + 1) < 2 * kSmallestPower;
  require<DataError>(agree, "{} and {} belong to different numbers of steps", beta1_power,
                     beta2_power);
  return t2;
}

}  // namespace gradus::ssgan
