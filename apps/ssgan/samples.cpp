#include "apps/ssgan/samples.h"

#include <algorithm>
#include <cmath>

#include "tensor/backend.h"

namespace gradus::ssgan {
namespace {

constexpr int kSide = 32, kPadding = 2;

uint8_t byte_of(float x) {
  return static_cast<uint8_t>(std::clamp(255 * (x + 1) / 2 + 0.5f, 0.0f, 255.0f));
}

}  // namespace

Picture sample_grid(Generator& generator, int64_t count, int columns, uint64_t seed,
                    Statistics statistics) {
  Tensor z({count, kZSize}, generator.dtype(), generator.device());
  backend(z).fill_normal(Random(seed, Stream::sample).next(), 0, 1, z);
  const Tensor images = generator(Pass::evaluation(statistics), z).value().to(DType::f32).to(kCpu);

  columns = static_cast<int>(std::min<int64_t>(columns, count));
  const int rows = static_cast<int>((count + columns - 1) / columns);
  Picture picture;
  picture.width = columns * (kSide + kPadding) + kPadding;
  picture.height = rows * (kSide + kPadding) + kPadding;
  picture.rgb.assign(size_t{3} * picture.width * picture.height, 0);
  const float* pixel = images.data<float>();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t top = kPadding + i / columns * (kSide + kPadding);
    const int64_t left = kPadding + i % columns * (kSide + kPadding);
    for (int y = 0; y < kSide; ++y)
      for (int x = 0; x < 3 * kSide; ++x)
        picture.rgb[3 * ((top + y) * picture.width + left) + x] = byte_of(*pixel++);
  }
  return picture;
}

}  // namespace gradus::ssgan
