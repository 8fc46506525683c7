#include "apps/ssgan/samples.h"

#include <algorithm>
#include <cmath>

#include "tensor/backend.h"

namespace gradus::ssgan {
namespace {

constexpr int kSide = 32, kPadding = 2;

/// [-1, 1] -> bytes by (x + 1) / 2.
Tensor bytes_of(const Tensor& images) {
  Tensor bytes(images.shape(), DType::u8);
  std::ranges::transform(
      images.to(kCpu).to(DType::f32).span<float>(), bytes.span<uint8_t>().begin(), [](float x) {
        return static_cast<uint8_t>(std::clamp(255 * (x + 1) / 2 + 0.5f, 0.0f, 255.0f));
      });
  return bytes;
}

}  // namespace

Picture grid(const Tensor& images, int columns) {
  const int64_t count = images.shape()[0];
  columns = static_cast<int>(std::min<int64_t>(columns, count));
  const int rows = static_cast<int>((count + columns - 1) / columns);
  Picture picture;
  picture.width = columns * (kSide + kPadding) + kPadding;
  picture.height = rows * (kSide + kPadding) + kPadding;
  picture.rgb.assign(size_t{3} * picture.width * picture.height, 0);
  const uint8_t* row = images.data<uint8_t>();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t top = kPadding + i / columns * (kSide + kPadding);
    const int64_t left = kPadding + i % columns * (kSide + kPadding);
    for (int y = 0; y < kSide; ++y, row += 3 * kSide)
      std::copy_n(row, 3 * kSide, &picture.rgb[3 * ((top + y) * picture.width + left)]);
  }
  return picture;
}

Picture sample_grid(Generator& generator, int64_t count, int columns, uint64_t seed,
                    Statistics statistics) {
  Tensor z({count, kZSize}, generator.dtype(), generator.device());
  backend(z).fill_normal(Random(seed, Stream::sample).next(), 0, 1, z);
  return grid(bytes_of(generator(Pass::evaluation(statistics), z).value()), columns);
}

}  // namespace gradus::ssgan
