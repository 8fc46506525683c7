#include "apps/ssgan/model/samples.h"

#include <cmath>

#include "tensor/backend.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::ssgan;

namespace {

/// Image i of a row of `columns`.
std::vector<uint8_t> image_of(const Picture& grid, int i) {
  std::vector<uint8_t> pixels;
  for (int y = 0; y < 32; ++y) {
    const auto* begin = &grid.rgb[3 * size_t((2 + y) * grid.width + 2 + 34 * i)];
    pixels.insert(pixels.end(), begin, begin + size_t{3} * 32);
  }
  return pixels;
}

}  // namespace

TEST_CASE("samples: a grid as torchvision's") {
  Tensor images({3, 32, 32, 3}, DType::u8);
  const auto bytes = images.mutable_span<uint8_t>();
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(1 + i % 255);
  const Picture p = grid(images, 2);
  CHECK(p.width == 2 * 34 + 2);
  CHECK(p.height == 2 * 34 + 2);
  const auto at = [&](int x, int y) { return p.rgb[3 * size_t(y * p.width + x)]; };
  CHECK(at(1, 2) == 0);
  CHECK(at(2, 2) == 1);
  CHECK(at(33, 2) == 1 + 31 * 3);
  CHECK(at(34, 2) == 0);
  CHECK(at(2, 36) == 1 + 2 * 3072 % 255);
  CHECK(at(36, 36) == 0);
  CHECK(grid(images, 8).width == 3 * 34 + 2);
}

TEST_CASE("samples: between two noise vectors lies the middle of their angle") {
  NetworkOptions o;
  o.g_size_mult = 2;
  Generator generator(o, DType::f32, kCpu);
  Random random(1, Stream::init);
  generator.initialize(random);
  const Picture row = interpolation_grid(generator, 1, 3, 7, Statistics::running);

  Tensor z({2, kZSize}, DType::f32), middle({1, kZSize}, DType::f32);
  backend(z).fill_normal(Random(7, Stream::sample).next(), 0, 1, z);
  const auto ends = z.span<float>();
  double ab = 0, aa = 0, bb = 0;
  for (size_t k = 0; k < 100; ++k) {
    ab += double(ends[k]) * ends[100 + k];
    aa += double(ends[k]) * ends[k];
    bb += double(ends[100 + k]) * ends[100 + k];
  }
  const double half = std::acos(ab / std::sqrt(aa * bb)) / 2;
  for (size_t k = 0; k < 100; ++k)
    middle.mutable_span<float>()[k] = float((ends[k] + ends[100 + k]) / (2 * std::cos(half)));
  const Pass pass = Pass::evaluation(Statistics::running);
  const Tensor expected = generator(pass, middle).value();
  const auto got = image_of(row, 1);
  for (size_t i = 0; i < got.size(); ++i)
    CHECK(std::abs(got[i] - 255 * (expected.span<float>()[i] + 1) / 2) < 0.51);
  CHECK(image_of(row, 0) != got);
}
