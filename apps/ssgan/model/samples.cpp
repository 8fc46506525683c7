#include "apps/ssgan/model/samples.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autograd/shaping.h"
#include "tensor/backend.h"

namespace gradus::ssgan {
namespace {

constexpr int kPadding = 2;

/// [-1, 1] -> bytes by (x + 1) / 2.
Tensor bytes_of(const Tensor& images) {
  Tensor bytes(images.shape(), DType::u8);
  const Tensor values = images.to(kCpu).to(DType::f32);
  std::ranges::transform(values.span<float>(), bytes.mutable_span<uint8_t>().begin(), [](float x) {
    return static_cast<uint8_t>(std::clamp(255 * (x + 1) / 2 + 0.5f, 0.0f, 255.0f));
  });
  return bytes;
}

/// f32 [count, 100] on the CPU, which depend on the seed and their number alone.
Tensor noise(int64_t count, uint64_t seed) {
  return normal({count, kZSize}, Random(seed, Stream::sample).next());
}

Tensor generated(const Generator& generator, const Tensor& z, Statistics statistics) {
  const Tensor there = z.to(generator.dtype()).to(generator.device());
  return bytes_of(generator(Pass::evaluation(statistics), there).value());
}

template <class T>
std::span<T> row(std::span<T> z, int64_t i) {
  return z.subspan(static_cast<size_t>(i * kZSize), kZSize);
}

/// What a and b count for at `t` of the angle between them, from 0 to 1.
std::pair<double, double> weights_between(std::span<const float> a, std::span<const float> b,
                                          double t) {
  const auto dot = [](std::span<const float> x, std::span<const float> y) {
    return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  };
  const double angle =
      std::acos(std::clamp(dot(a, b) / std::sqrt(dot(a, a) * dot(b, b)), -1.0, 1.0));
  return {std::sin((1 - t) * angle) / std::sin(angle), std::sin(t * angle) / std::sin(angle)};
}

}  // namespace

Picture grid(const Tensor& images, int columns) {
  const int64_t count = images.shape()[0];
  const auto side = static_cast<int>(images.shape()[1]);
  columns = static_cast<int>(std::min<int64_t>(columns, count));
  const int rows = static_cast<int>((count + columns - 1) / columns);
  Picture picture;
  picture.width = columns * (side + kPadding) + kPadding;
  picture.height = rows * (side + kPadding) + kPadding;
  picture.rgb.assign(size_t{3} * picture.width * picture.height, 0);
  const uint8_t* row = images.data<uint8_t>();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t top = kPadding + i / columns * (side + kPadding);
    const int64_t left = kPadding + i % columns * (side + kPadding);
    for (int y = 0; y < side; ++y, row += 3 * side)
      std::copy_n(row, 3 * side, &picture.rgb[3 * ((top + y) * picture.width + left)]);
  }
  return picture;
}

Picture enlarged(const Picture& small, int scale) {
  Picture large{small.width * scale, small.height * scale, {}};
  large.rgb.reserve(size_t{3} * size_t(large.width) * size_t(large.height));
  for (int y = 0; y < large.height; ++y)
    for (int x = 0; x < large.width; ++x) {
      const uint8_t* from =
          &small.rgb[3 * (size_t(y / scale) * size_t(small.width) + size_t(x / scale))];
      large.rgb.insert(large.rgb.end(), from, from + 3);
    }
  return large;
}

Tensor sample_images(const Generator& generator, int64_t count, uint64_t seed,
                     Statistics statistics) {
  constexpr int64_t kBatch = 128;
  const Tensor z = noise(count, seed);
  Tensor all;
  for (int64_t begin = 0; begin < count; begin += kBatch) {
    const Tensor part = slice(z, 0, begin, std::min(begin + kBatch, count)).value();
    const Tensor images = generated(generator, part, statistics);
    if (begin == 0) all = Tensor(images.shape().with(0, count), DType::u8);
    std::ranges::copy(images.span<uint8_t>(), all.mutable_span<uint8_t>().begin() +
                                                  begin * images.count() / part.shape()[0]);
  }
  return all;
}

Picture sample_grid(const Generator& generator, int64_t count, int columns, uint64_t seed,
                    Statistics statistics) {
  return grid(generated(generator, noise(count, seed), statistics), columns);
}

Picture interpolation_grid(const Generator& generator, int64_t rows, int columns, uint64_t seed,
                           Statistics statistics) {
  const Tensor ends = noise(2 * rows, seed);
  Tensor z({rows * columns, kZSize}, DType::f32);
  const auto from = ends.span<float>();
  const auto to = z.mutable_span<float>();
  for (int64_t i = 0; i < rows * columns; ++i) {
    const auto a = row(from, 2 * (i / columns)), b = row(from, 2 * (i / columns) + 1);
    const auto [of_a, of_b] = weights_between(a, b, double(i % columns) / (columns - 1));
    for (size_t k = 0; k < a.size(); ++k)
      row(to, i)[k] = static_cast<float>(of_a * a[k] + of_b * b[k]);
  }
  return grid(generated(generator, z, statistics), columns);
}

}  // namespace gradus::ssgan
