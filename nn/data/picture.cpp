#include "nn/data/picture.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "nn/data/jpeg.h"
#include "nn/data/png.h"
#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/file_kind.h"

namespace gradus {
namespace {

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
bool begins_as_png(std::span<const std::byte> bytes) {
  return text_of(bytes).starts_with("\x89PNG");
}
bool begins_as_jpeg(std::span<const std::byte> bytes) {
  return text_of(bytes).starts_with("\xff\xd8");
}

/// The part of the pixel [i, i + 1) that [begin, end) covers.
double overlap(int i, double begin, double end) {
  return std::min(end, i + 1.0) - std::max(begin, double(i));
}

}  // namespace

void fit_picture(const Picture& p, int side, std::span<uint8_t> out) {
  const int square = std::min(p.width, p.height);
  const int left = (p.width - square) / 2, top = (p.height - square) / 2;
  const double scale = double(square) / side;
  for (int i = 0; i < side * side; ++i) {
    const double y0 = i / side * scale, y1 = y0 + scale, x0 = i % side * scale, x1 = x0 + scale;
    double sum[3] = {};
    for (int y = static_cast<int>(y0); y < std::min(std::ceil(y1), double(square)); ++y)
      for (int x = static_cast<int>(x0); x < std::min(std::ceil(x1), double(square)); ++x) {
        const double weight = overlap(y, y0, y1) * overlap(x, x0, x1);
        const uint8_t* pixel = &p.rgb[3 * (size_t(top + y) * size_t(p.width) + size_t(left + x))];
        for (int c = 0; c < 3; ++c) sum[c] += weight * pixel[c];
      }
    for (int c = 0; c < 3; ++c)
      out[3 * size_t(i) + size_t(c)] =
          static_cast<uint8_t>(std::clamp(sum[c] / (scale * scale) + 0.5, 0.0, 255.0));
  }
}

bool begins_as_picture(std::span<const std::byte> bytes) {
  return begins_as_png(bytes) || begins_as_jpeg(bytes);
}

Picture decode_picture(std::span<const std::byte> bytes, const std::string& name) {
  if (begins_as_png(bytes)) return decode_png(bytes, name);
  if (begins_as_jpeg(bytes)) return decode_jpeg(bytes, name);
  throw DataError(fmt::format("{}: no PNG, nor a JPEG{}", name, looks_like(bytes)));
}

Picture read_picture(const std::filesystem::path& path) {
  return decode_picture(read_file(path), path.string());
}

}  // namespace gradus
