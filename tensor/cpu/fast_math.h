#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "tensor/cpu/vector.h"

namespace gradus::cpu {

/// A float whose exponentials, logarithms and tanh are arithmetic alone, so that a loop over them
/// becomes vector code; the functions of tensor/elementwise.h find them by their argument's type.
/// Within 4 units in the last place, subnormal results included; infinities and NaN are those of
/// the standard library.
class FastFloat {
 public:
  FastFloat() = default;
  explicit constexpr FastFloat(double x) : value_(static_cast<float>(x)) {}
  explicit constexpr FastFloat(float x) : value_(x) {}
  explicit constexpr FastFloat(int x) : value_(static_cast<float>(x)) {}
  explicit constexpr operator float() const { return value_; }

  friend FastFloat operator-(FastFloat a) { return FastFloat(-a.value_); }
  friend FastFloat operator+(FastFloat a, FastFloat b) { return FastFloat(a.value_ + b.value_); }
  friend FastFloat operator-(FastFloat a, FastFloat b) { return FastFloat(a.value_ - b.value_); }
  friend FastFloat operator*(FastFloat a, FastFloat b) { return FastFloat(a.value_ * b.value_); }
  friend FastFloat operator/(FastFloat a, FastFloat b) { return FastFloat(a.value_ / b.value_); }
  friend bool operator==(FastFloat a, FastFloat b) { return a.value_ == b.value_; }
  friend bool operator<(FastFloat a, FastFloat b) { return a.value_ < b.value_; }
  friend bool operator>(FastFloat a, FastFloat b) { return a.value_ > b.value_; }
  friend bool operator<=(FastFloat a, FastFloat b) { return a.value_ <= b.value_; }
  friend bool operator>=(FastFloat a, FastFloat b) { return a.value_ >= b.value_; }

 private:
  float value_;
};

namespace fast {

/// ln 2 = kLn2High + kLn2Low; multiples of the former by n are exact.
inline constexpr float kLn2High = 0x1.62e4p-1f, kLn2Low = 0x1.7f7d1cp-20f;

/// 2^n for n in [-126, 127].
inline float power_of_two(int32_t n) { return std::bit_cast<float>((n + 127) << 23); }

/// x = n ln 2 + r, |r| <= ln 2 / 2: e^x = 2^n (1 + r_less_1).
struct Exponential {
  int32_t n;
  float r_less_1;  ///< e^r - 1

  /// Takes x within [-150, 130], or NaN, which r_less_1 keeps.
  explicit Exponential(float x) {
    constexpr float kRound = 0x1.8p23f;  // floats of this size are whole, the last bits are n's
    const float shifted = multiply_add(x, 0x1.715476p0f, kRound), whole = shifted - kRound;
    n = std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(kRound);
    const float r = multiply_add(whole, -kLn2Low, multiply_add(whole, -kLn2High, x));
    float sum = 1.f / 5040;  // Taylor's series
    sum = multiply_add(sum, r, 1.f / 720);
    sum = multiply_add(sum, r, 1.f / 120);
    sum = multiply_add(sum, r, 1.f / 24);
    sum = multiply_add(sum, r, 1.f / 6);
    sum = multiply_add(sum, r, 0.5f);
    r_less_1 = multiply_add(sum * r, r, r);
  }
};

/// x, or the nearer bound; NaN stays.
inline float within(float low, float x, float high) {
  const float above = x < low ? low : x;
  return above > high ? high : above;
}

inline float exp(float x) {
  const Exponential e(within(-150, x, 130));
  // In two factors, so that results may be subnormal or infinite.
  const int32_t half = e.n >> 1;
  return (1 + e.r_less_1) * power_of_two(half) * power_of_two(e.n - half);
}

inline float expm1(float x) {
  const Exponential e(within(-30, x, 89));
  const float half = power_of_two(e.n - 1);
  return multiply_add(half, e.r_less_1, half - 0.5f) * 2;
}

inline float tanh(float x) {
  const float e = expm1(2 * within(0, std::fabs(x), 20));
  return std::copysign(e / (e + 2), x);
}

inline float log(float x) {
  using Limits = std::numeric_limits<float>;
  constexpr float kInfinity = Limits::infinity();
  const bool subnormal = x < Limits::min();
  const auto bits = std::bit_cast<uint32_t>(subnormal ? x * 0x1p23f : x);
  // x = 2^n m, sqrt(1/2) <= m < sqrt(2); log m = 2 artanh s, by its series.
  const int32_t n = static_cast<int32_t>(bits - 0x3f3504f3u) >> 23;
  const float m = std::bit_cast<float>(bits - (static_cast<uint32_t>(n) << 23));
  const float s = (m - 1) / (m + 1), z = s * s;
  float sum = 1.f / 9;
  sum = multiply_add(sum, z, 1.f / 7);
  sum = multiply_add(sum, z, 1.f / 5);
  sum = multiply_add(sum, z, 1.f / 3);
  const auto power = static_cast<float>(subnormal ? n - 23 : n);
  const float low = multiply_add(power, kLn2Low, multiply_add(2 * s * z, sum, 2 * s));
  const float y = multiply_add(power, kLn2High, low);
  const float special = x == 0 ? -kInfinity : x < 0 ? Limits::quiet_NaN() : x;
  return x > 0 && x < kInfinity ? y : special;
}

/// log(1 + x), by the logarithm of the rounded sum and a correction for what it lost.
inline float log1p(float x) {
  const float sum = 1 + x, lost = x - (sum - 1);
  return sum == x || !(sum > 0) ? log(sum) : log(sum) + lost / sum;
}

}  // namespace fast

inline FastFloat exp(FastFloat x) { return FastFloat(fast::exp(float(x))); }
inline FastFloat expm1(FastFloat x) { return FastFloat(fast::expm1(float(x))); }
inline FastFloat log(FastFloat x) { return FastFloat(fast::log(float(x))); }
inline FastFloat log1p(FastFloat x) { return FastFloat(fast::log1p(float(x))); }
inline FastFloat tanh(FastFloat x) { return FastFloat(fast::tanh(float(x))); }
inline FastFloat fabs(FastFloat x) { return FastFloat(std::fabs(float(x))); }
inline FastFloat sqrt(FastFloat x) { return FastFloat(std::sqrt(float(x))); }
inline FastFloat sin(FastFloat x) { return FastFloat(std::sin(float(x))); }
inline FastFloat cos(FastFloat x) { return FastFloat(std::cos(float(x))); }
inline FastFloat erfc(FastFloat x) { return FastFloat(std::erfc(float(x))); }
inline FastFloat pow(FastFloat x, FastFloat y) { return FastFloat(std::pow(float(x), float(y))); }

}  // namespace gradus::cpu
