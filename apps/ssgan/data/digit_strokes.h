#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "apps/ssgan/data/digits.h"
#include "tensor/philox.h"

/// What digits.cpp and digit_strokes.cpp share; not part of the library's interface.
namespace gradus::ssgan::digit_parts {

inline constexpr int kSide = 32;
inline constexpr int kArea = kSide * kSide;
inline constexpr float kPi = 3.14159265f;
inline constexpr float kFar = 1e6f;

struct Point {
  float x, y;
};
using Plane = std::array<float, kArea>;

/// The random numbers of one image.
class Rng {
 public:
  Rng(uint64_t seed, uint64_t index, Split split)
      : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
        counter_{{static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), 0,
                  split == Split::train ? 0x64696700u : 0x64696701u}} {}

  uint32_t bits() {
    if (used_ == 4) {
      block_ = philox4x32(counter_, key_[0], key_[1]);
      ++counter_.v[2];
      used_ = 0;
    }
    return block_.v[used_++];
  }
  float unit() { return uniform01(bits()); }
  float in(float low, float high) { return low + (high - low) * unit(); }
  float in(const DigitRange& r) { return r.low + (r.high - r.low) * std::pow(unit(), r.skew); }
  bool chance(float p) { return unit() < p; }
  int below(int n) { return static_cast<int>((uint64_t{bits()} * static_cast<uint64_t>(n)) >> 32); }
  /// Nearly normal, mean 0 and deviation 1: the sum of four bytes.
  float normal() {
    const uint32_t b = bits();
    const uint32_t sum = (b & 255) + (b >> 8 & 255) + (b >> 16 & 255) + (b >> 24);
    return (static_cast<float>(sum) - 510.0f) * (1.0f / 147.8f);
  }

 private:
  uint32_t key_[2];
  PhiloxBlock counter_;
  PhiloxBlock block_{};
  int used_ = 4;
};

/// What all digits of one image share.
struct Style {
  float height, aspect, slant, warp, waist, radius, thin;
  float phase_x, phase_y, cosine, sine;
  Point center;
  bool serif, round_caps, boxy;
};

/// Fills `field` with the signed distance (pixels, negative inside the strokes) from a row of
/// digits, the labelled one in the middle. Far from every stroke it is only some large value.
Style draw_row(Plane& field, int label, const DigitLook& look, Rng& rng);

}  // namespace gradus::ssgan::digit_parts
