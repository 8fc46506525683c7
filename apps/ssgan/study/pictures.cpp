#include "apps/ssgan/study/pictures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "apps/ssgan/report/text.h"
#include "nn/data/png.h"

namespace gradus::ssgan {
namespace {

/// Of a value in [-1, 1].
std::array<uint8_t, 3> diverging(double v) {
  constexpr double kPositive[] = {194, 65, 12}, kNegative[] = {11, 92, 192};
  const double* const end = v > 0 ? kPositive : kNegative;
  std::array<uint8_t, 3> rgb;
  for (size_t c = 0; c < 3; ++c)
    rgb[c] = static_cast<uint8_t>(std::lround(255 + std::min(std::abs(v), 1.0) * (end[c] - 255)));
  return rgb;
}

}  // namespace

Picture picture_of(const Tensor& image) {
  Picture p{static_cast<int>(image.shape()[1]), static_cast<int>(image.shape()[0]), {}};
  for (const double v : image.span<double>())
    p.rgb.push_back(static_cast<uint8_t>(std::lround(std::clamp(127.5 * (v + 1), 0.0, 255.0))));
  return p;
}

Picture channels_of(const Tensor& activation, int64_t most) {
  const Shape& s = activation.shape();
  const bool is_map = s.rank() == 3;
  const int64_t long_row = s.count() <= 16 ? s.count() : std::llround(std::sqrt(2.0 * s.count()));
  const int64_t width = is_map ? s[1] : long_row,
                height = is_map ? s[0] : (s.count() + width - 1) / width, all = is_map ? s[2] : 1,
                count = std::min(all, most), columns = std::min<int64_t>(count, 4),
                rows = (count + columns - 1) / columns;
  const auto values = activation.span<double>();
  double largest = 0;
  for (const double v : values) largest = std::max(largest, std::abs(v));
  Picture p{
      static_cast<int>(columns * (width + 1) - 1), static_cast<int>(rows * (height + 1) - 1), {}};
  p.rgb.assign(size_t{3} * p.width * p.height, 128);
  for (int64_t c = 0; c < count; ++c)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        const auto at = static_cast<size_t>((y * width + x) * all + c);
        if (at >= values.size()) continue;  // the last row of a [C]
        const auto rgb = diverging(largest > 0 ? values[at] / largest : 0);
        const int64_t row = c / columns * (height + 1) + y, column = c % columns * (width + 1) + x;
        std::ranges::copy(rgb, &p.rgb[3 * (row * p.width + column)]);
      }
  return p;
}

std::string image_tag(const Picture& picture, int width, const std::string& alt) {
  const std::vector<uint8_t> png = encode_png(picture);
  return fmt::format(
      "<img class=\"pixels\" src=\"data:image/png;base64,{}\" width=\"{}\" height=\"{}\" "
      "alt=\"{}\">",
      base64(std::as_bytes(std::span(png))), width,
      std::max(1, width * picture.height / picture.width), escape_html(alt));
}

}  // namespace gradus::ssgan
