#include <array>
#include <numbers>

#include "tensor/philox.h"
#include "tests/op_cases.h"

namespace gradus {
namespace {

constexpr uint64_t kSeed = 0x123456789abcdef;
constexpr uint32_t kDraw = 5, kStep = 3;

std::array<uint32_t, 4> words(uint32_t block) {
  const PhiloxBlock b =
      philox4x32({{block, kDraw, kStep, static_cast<uint32_t>(Stream::train)}},
                 static_cast<uint32_t>(kSeed), static_cast<uint32_t>(kSeed >> 32));
  return {b.v[0], b.v[1], b.v[2], b.v[3]};
}

double unit(uint32_t word) { return (word >> 8) * 0x1p-24; }
double about(uint32_t word, double most) { return most * (2 * unit(word) - 1); }

/// The image at a place between pixel centres, going on at its edges as its outermost pixels.
double pixel_at(const Array& x, int64_t n, double i, double j, int64_t c) {
  const int64_t rows = x.shape[1], columns = x.shape[2];
  i = std::clamp(i, 0.0, static_cast<double>(rows - 1));
  j = std::clamp(j, 0.0, static_cast<double>(columns - 1));
  double sum = 0;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t s = 0; s < columns; ++s)
      sum += std::max(0.0, 1 - std::abs(i - static_cast<double>(r))) *
             std::max(0.0, 1 - std::abs(j - static_cast<double>(s))) * x(n, r, s, c);
  return sum;
}

/// From the header's prose: places, colours, noise, clamping, the square.
Array augment_loops(const Array& x, const Augmentation& a) {
  const int64_t height = x.shape[1], width = x.shape[2], channels = x.shape[3];
  Array y(x.shape);
  for (int64_t n = 0; n < x.shape[0]; ++n) {
    const auto block = [&](int64_t k) {
      return words(0x80000000u + static_cast<uint32_t>(n * (5 + (channels + 1) / 2) + k));
    };
    const auto shape = block(0), place = block(1), rare = block(2), colour = block(3),
               square = block(4);
    const double angle = about(shape[0], a.rotation) * std::numbers::pi / 180;
    const double shear = about(shape[1], a.shear);
    const double tall = std::exp(about(shape[2], a.scale)),
                 wide = std::exp(about(shape[3], a.scale));
    const bool upside_down = a.flip_vertical && unit(rare[0]) >= 0.5;
    const bool mirrored = a.flip_horizontal && unit(rare[1]) >= 0.5;
    const double down =
        about(place[0], a.shift) + std::floor((2 * a.crop + 1) * unit(place[2])) - a.crop;
    const double right =
        about(place[1], a.shift) + std::floor((2 * a.crop + 1) * unit(place[3])) - a.crop;
    const double mix = unit(rare[2]) < a.grey ? unit(rare[3]) : 0;
    const double gain = std::exp(about(colour[0], a.gain)) * (unit(colour[2]) < a.invert ? -1 : 1);
    const double bias = about(colour[1], a.bias), amplitude = a.noise * unit(colour[3]);
    const int64_t side = a.cutout ? 1 + static_cast<int64_t>(a.cutout * unit(square[0])) : 0;
    const int64_t top = static_cast<int64_t>(height * unit(square[1])) - side / 2;
    const int64_t left = static_cast<int64_t>(width * unit(square[2])) - side / 2;
    for (int64_t i = 0; i < height; ++i)
      for (int64_t j = 0; j < width; ++j) {
        // Scaled, sheared, turned, shifted.
        const double v =
            (static_cast<double>(i) - (height - 1) / 2.0) * (upside_down ? -tall : tall);
        const double u = (static_cast<double>(j) - (width - 1) / 2.0) * (mirrored ? -wide : wide);
        const double sheared = u + shear * v;
        const double row =
            std::sin(angle) * sheared + std::cos(angle) * v + (height - 1) / 2.0 + down;
        const double column =
            std::cos(angle) * sheared - std::sin(angle) * v + (width - 1) / 2.0 + right;
        double mean = 0;
        for (int64_t c = 0; c < channels; ++c)
          mean += pixel_at(x, n, row, column, c) / static_cast<double>(channels);
        for (int64_t c = 0; c < channels; ++c) {
          const auto own = block(5 + c / 2);
          const double read = pixel_at(x, n, row, column, c);
          const double own_gain = std::exp(about(own[2 * (c % 2)], a.channel_gain));
          const double own_bias = about(own[2 * (c % 2) + 1], a.channel_bias);
          const int64_t element = ((n * height + i) * width + j) * channels + c;
          const uint32_t word = words(static_cast<uint32_t>(element / 4))[element % 4];
          double noise = 0;
          for (const int bit : {0, 10, 20})
            noise += (static_cast<double>(word >> bit & 1023) - 511.5) / 512;
          double value =
              gain * own_gain * (read + mix * (mean - read)) + bias + own_bias + amplitude * noise;
          if (a.clamp) value = std::clamp(value, -1.0, 1.0);
          const bool cut = i >= top && i < top + side && j >= left && j < left + side;
          y(n, i, j, c) = cut ? 0 : value;
        }
      }
  }
  return y;
}

}  // namespace

void add_augment_cases(std::vector<OpCase>& cases) {
  const std::pair<const char*, Augmentation> parts[] = {
      {"strong", augmentation("strong")},
      {"strong, shift, flip", augmentation("strong,shift,flip")},
      {"affine", augmentation("affine")},
      {"shift", augmentation("shift")},
      {"both flips", {.flip_horizontal = true, .flip_vertical = true}},
      {"colours, not held",
       {.grey = 1,
        .gain = 0.5,
        .channel_gain = 0.3,
        .bias = 0.4,
        .channel_bias = 0.2,
        .invert = 0.5}},
      {"noise", {.noise = 0.4}},
      {"a large square", {.cutout = 9}},
      {"far out", {.rotation = 180, .scale = 0.7, .shear = 0.5, .shift = 4, .crop = 9}},
  };
  for (const auto& [name, a] : parts)
    for (const Shape& x : {Shape{3, 7, 6, 3}, Shape{2, 1, 5, 1}, Shape{2, 4, 1, 4},
                           Shape{1, 1, 1, 2}, Shape{9, 12, 14, 5}, Shape{40, 16, 16, 3}})
      cases.push_back({fmt::format("augment {} of {}", name, x),
                       {{x, -1, 1}},
                       [a = a](const auto& in) {
                         const Tensor step =
                             Tensor::from({static_cast<int32_t>(kStep)}, {}, in[0].device());
                         return augment(in[0], a, {kSeed, Stream::train, kDraw, step});
                       },
                       [a = a](const auto& in) { return augment_loops(in[0], a); }});
}

}  // namespace gradus
