#include "apps/ssgan/data/digits.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "apps/ssgan/data/digit_strokes.h"
#include "tensor/cpu/parallel.h"
#include "tensor/error.h"

namespace gradus::ssgan {
namespace {

using digit_parts::draw_row;
using digit_parts::kArea;
using digit_parts::kPi;
using digit_parts::kSide;
using digit_parts::Plane;
using digit_parts::Rng;
using digit_parts::Style;
using Color = std::array<float, 3>;

Color make_color(float brightness, float hue, float saturation) {
  const float vivid = saturation * (1.25f - brightness);  // bright paint is seldom vivid
  Color c;
  for (int k = 0; k < 3; ++k) {
    const float wave = std::cos(hue - 2 * kPi * static_cast<float>(k) / 3);
    c[static_cast<size_t>(k)] = std::clamp(brightness * (1 + vivid * wave), 0.0f, 1.0f);
  }
  return c;
}

/// Walls and paint are mostly brown or bluish; anything else is rarer.
float draw_hue(Rng& rng) {
  const float kind = rng.unit(), spread = rng.in(-0.5f, 0.5f);
  return kind < 0.4f ? 0.5f + spread : kind < 0.75f ? 4.0f + spread : 2 * kPi * rng.unit();
}

float away_from(float brightness, float contrast, Rng& rng) {
  const bool up = rng.chance(0.5f);
  const float target = up ? brightness + contrast : brightness - contrast;
  return target > 0.02f && target < 0.98f ? target
                                          : (up ? brightness - contrast : brightness + contrast);
}

float coverage(float distance) { return std::clamp(0.5f - distance, 0.0f, 1.0f); }

class Canvas {
 public:
  /// Blends in `color` where mask(x, y), 0..1, says so.
  template <class Mask>
  void paint(const Color& color, Mask mask) {
    for (int i = 0; i < kArea; ++i) {
      const float m = mask(static_cast<float>(i % kSide), static_cast<float>(i / kSide));
      for (size_t k = 0; k < 3; ++k) {
        float& v = planes_[k][static_cast<size_t>(i)];
        v += (color[k] - v) * m;
      }
    }
  }

  template <class Factor>
  void shade(Factor factor) {
    for (int i = 0; i < kArea; ++i) {
      const float f = factor(static_cast<float>(i % kSide), static_cast<float>(i / kSide));
      for (Plane& plane : planes_) plane[static_cast<size_t>(i)] *= f;
    }
  }

  /// Gaussian of the deviations given; the border repeats.
  void blur(float sigma_x, float sigma_y) {
    for (Plane& plane : planes_) {
      blur_rows(plane, sigma_x);
      blur_rows(plane, sigma_y);
    }
  }

  void store(float noise, float tint_noise, Rng& rng, uint8_t* out) const {
    std::array<float, 3 * kArea / 16> tint;
    for (float& t : tint) t = tint_noise * rng.normal();
    for (size_t i = 0; i < kArea; ++i) {
      const float grain = noise * rng.normal();
      const size_t block = i / kSide / 4 * (kSide / 4) + i % kSide / 4;
      for (size_t k = 0; k < 3; ++k) {
        const float v = planes_[k][i] + grain + tint[3 * block + k];
        out[3 * i + k] = static_cast<uint8_t>(std::clamp(v, 0.0f, 1.0f) * 255.0f + 0.5f);
      }
    }
  }

 private:
  /// Blurs along x and transposes, so that two calls blur both ways.
  static void blur_rows(Plane& plane, float sigma) {
    constexpr int kMaxTaps = 8;
    sigma = std::max(sigma, 0.1f);
    const int taps = std::min(kMaxTaps, static_cast<int>(2.5f * sigma + 1));
    std::array<float, kMaxTaps + 1> weight;
    float total = 0;
    for (int t = 0; t <= taps; ++t) {
      const float z = static_cast<float>(t) / sigma;
      weight[static_cast<size_t>(t)] = std::exp(-0.5f * z * z);
      total += (t == 0 ? 1.0f : 2.0f) * weight[static_cast<size_t>(t)];
    }
    for (float& w : weight) w /= total;
    Plane result;
    std::array<float, kSide + 2 * kMaxTaps> padded;
    for (int y = 0; y < kSide; ++y) {
      const float* row = &plane[static_cast<size_t>(y * kSide)];
      float* in = &padded[kMaxTaps];
      std::fill_n(padded.data(), kMaxTaps, row[0]);
      std::copy_n(row, kSide, in);
      std::fill_n(in + kSide, kMaxTaps, row[kSide - 1]);
      std::array<float, kSide> sum;
      for (int x = 0; x < kSide; ++x) sum[static_cast<size_t>(x)] = weight[0] * in[x];
      for (int t = 1; t <= taps; ++t) {
        const float w = weight[static_cast<size_t>(t)];
        for (int x = 0; x < kSide; ++x) sum[static_cast<size_t>(x)] += w * (in[x - t] + in[x + t]);
      }
      for (int x = 0; x < kSide; ++x) {
        result[static_cast<size_t>(x * kSide + y)] = sum[static_cast<size_t>(x)];
      }
    }
    plane = result;
  }

  std::array<Plane, 3> planes_{};
};

/// Wall, plate and clutter behind the digits.
void draw_background(Canvas& canvas, const Style& s, float brightness, float hue, float saturation,
                     const DigitLook& look, Rng& rng) {
  const Color base = make_color(brightness, hue, saturation);
  canvas.paint(base, [](float, float) { return 1.0f; });
  const bool plate = rng.chance(look.p_plate);
  if (plate) {
    const float half_x = s.height * rng.in(0.4f, 1.3f), half_y = s.height * rng.in(0.55f, 0.8f);
    const float shift = s.height * rng.in(-0.5f, 0.5f), corner = rng.in(0.0f, 3.0f);
    const float wall_brightness = away_from(brightness, rng.in(look.contrast), rng);
    const Color wall = make_color(wall_brightness, draw_hue(rng), rng.in(look.saturation));
    const float rim = rng.chance(0.4f) ? rng.in(0.5f, 1.5f) : 0.0f;
    const Color rim_color = make_color(rng.unit(), hue, saturation);
    auto outside = [&](float x, float y) {
      const float px = x - s.center.x, py = y - s.center.y;
      const float qx = std::abs(s.cosine * px + s.sine * py - shift) - half_x + corner;
      const float qy = std::abs(s.cosine * py - s.sine * px) - half_y + corner;
      const float ox = std::max(qx, 0.0f), oy = std::max(qy, 0.0f);
      return std::sqrt(ox * ox + oy * oy) + std::min(0.0f, std::max(qx, qy)) - corner;
    };
    canvas.paint(wall, [&](float x, float y) { return coverage(-outside(x, y)); });
    if (rim > 0) {
      canvas.paint(rim_color,
                   [&](float x, float y) { return coverage(std::abs(outside(x, y) + 2) - rim); });
    }
  }
  const bool bricks = rng.chance(look.p_bricks), boards = rng.chance(look.p_boards);
  if (bricks || boards) {
    const float line_brightness = away_from(brightness, rng.in(0.08f, 0.35f), rng);
    const Color line = make_color(line_brightness, hue, 0.5f * saturation);
    const float pitch_y = rng.in(6, 13), pitch_x = pitch_y * rng.in(1.8f, 2.6f);
    const float start_x = rng.in(0, pitch_x), start_y = rng.in(0, pitch_y);
    const float half = rng.in(0.35f, 0.9f);
    canvas.paint(line, [&](float x, float y) {
      const float v = (y + start_y - s.sine * (x - s.center.x)) / pitch_y, course = std::floor(v);
      float d = (std::abs(v - course - 0.5f)) * pitch_y;
      if (bricks) {
        const float u = (x + start_x) / pitch_x + 0.5f * course;
        d = std::min(d, std::abs(u - std::floor(u) - 0.5f) * pitch_x);
      }
      return coverage(d - half);
    });
  }
}

void draw_clutter(Canvas& canvas, const Style& s, Rng& rng) {
  const Color color = make_color(rng.unit(), draw_hue(rng), rng.in(0.0f, 0.3f));
  const float angle = rng.in(0, kPi), nx = std::cos(angle), ny = std::sin(angle);
  const float offset = rng.in(-0.7f, 0.7f) * kSide, half = rng.in(0.4f, 2.2f);
  canvas.paint(color, [&](float x, float y) {
    return coverage(std::abs(nx * (x - s.center.x) + ny * (y - s.center.y) - offset) - half);
  });
}

/// A smooth random field in about -1..1.
class Blotches {
 public:
  explicit Blotches(Rng& rng) {
    for (float& v : grid_) v = rng.in(-1, 1);
    step_ = rng.in(0.09f, 0.3f);
  }
  float at(float x, float y) const {
    const float u = x * step_, v = y * step_;
    const size_t i = static_cast<size_t>(u), j = static_cast<size_t>(v);
    const float fu = u - static_cast<float>(i), fv = v - static_cast<float>(j);
    const float a = fu * fu * (3 - 2 * fu), b = fv * fv * (3 - 2 * fv);
    const float* g = &grid_[j * kGrid + i];
    const float top = g[0] + a * (g[1] - g[0]);
    const float low = g[kGrid] + a * (g[kGrid + 1] - g[kGrid]);
    return top + b * (low - top);
  }

 private:
  static constexpr size_t kGrid = 12;
  std::array<float, kGrid * kGrid> grid_;
  float step_;
};

void draw_light(Canvas& canvas, const DigitLook& look, Rng& rng) {
  const Blotches blotches(rng);
  const float amount = rng.in(look.texture), slope = rng.in(look.lighting) / kSide;
  const float angle = rng.in(0, 2 * kPi), nx = slope * std::cos(angle),
              ny = slope * std::sin(angle);
  const bool edge = rng.chance(look.p_shadow_edge);
  const float turn = rng.in(0, 2 * kPi), ex = std::cos(turn), ey = std::sin(turn);
  const float at = rng.in(-8, 8), dark = edge ? rng.in(0.15f, 0.5f) : 0.0f;
  const float soft = 1 / rng.in(1, 5);
  canvas.shade([&](float x, float y) {
    const float dx = x - 15.5f, dy = y - 15.5f;
    const float light = 1 + amount * blotches.at(x, y) + nx * dx + ny * dy;
    return light * (1 - dark * coverage((ex * dx + ey * dy - at) * soft));
  });
}

void draw_image(int label, const DigitLook& look, Rng& rng, uint8_t* out) {
  Plane field;
  const Style s = draw_row(field, label, look, rng);
  auto distance = [&](float x, float y) {
    return field[static_cast<size_t>(y) * kSide + static_cast<size_t>(x)];
  };

  const float back = rng.in(look.background), hue = draw_hue(rng);
  const float saturation = rng.in(look.saturation);
  const float front = away_from(back, rng.in(look.contrast), rng);
  const float front_hue = rng.chance(look.p_same_hue) ? hue : draw_hue(rng);
  const Color ink = make_color(front, front_hue, rng.in(look.saturation));

  Canvas canvas;
  draw_background(canvas, s, back, hue, saturation, look, rng);
  if (rng.chance(look.p_clutter)) draw_clutter(canvas, s, rng);
  if (rng.chance(look.p_drop_shadow)) {
    const float depth = rng.in(0.2f, 0.8f), dx = rng.in(-1.9f, 1.9f), dy = rng.in(0.0f, 1.9f);
    const float soft = 1 / rng.in(1, 3);
    canvas.paint(make_color(0.4f * back, hue, saturation), [&](float x, float y) {
      const float u = std::clamp(x - dx, 0.0f, kSide - 1.001f);
      const float v = std::clamp(y - dy, 0.0f, kSide - 1.001f);
      const float fu = u - std::floor(u), fv = v - std::floor(v);
      const float top = distance(u, v) * (1 - fu) + distance(u + 1, v) * fu;
      const float low = distance(u, v + 1) * (1 - fu) + distance(u + 1, v + 1) * fu;
      return depth * coverage((top * (1 - fv) + low * fv) * soft);
    });
  }
  if (rng.chance(look.p_outline)) {
    const float width = rng.in(0.5f, 1.6f);
    const Color color = make_color(rng.unit(), front_hue, rng.in(look.saturation));
    canvas.paint(color, [&](float x, float y) { return coverage(distance(x, y) - width); });
  }
  canvas.paint(ink, [&](float x, float y) { return coverage(distance(x, y)); });
  if (rng.chance(0.2f * look.p_clutter)) draw_clutter(canvas, s, rng);
  draw_light(canvas, look, rng);
  const float sigma = rng.in(look.blur), stretch = rng.in(0.8f, 1.25f);
  canvas.blur(sigma * stretch, sigma / stretch);
  const float noise = rng.in(look.noise);
  canvas.store(noise, 0.4f * noise, rng, out);
}

}  // namespace

DigitImages draw_digits(int64_t count, uint64_t seed, Split split, const DigitLook& look) {
  require<Error>(count >= 0, "draw_digits: count must not be negative, got {}", count);
  DigitImages set;
  set.pixels.resize(static_cast<size_t>(count) * kArea * 3);
  set.labels.resize(static_cast<size_t>(count));
  cpu::parallel_for(count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      Rng rng(seed, static_cast<uint64_t>(i), split);
      const int label = rng.below(10);
      set.labels[static_cast<size_t>(i)] = label;
      draw_image(label, look, rng, &set.pixels[static_cast<size_t>(i) * kArea * 3]);
    }
  });
  return set;
}

}  // namespace gradus::ssgan
