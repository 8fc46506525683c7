#include "nn/data/png.h"

#include <png.h>

#include <string>
#include <vector>

#include "tensor/error.h"
#include "tensor/file.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

using namespace gradus;

namespace {

struct Decoded {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;
};

Decoded decode(const void* png, size_t bytes) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  REQUIRE(png_image_begin_read_from_memory(&image, png, bytes));
  CHECK(image.format == PNG_FORMAT_RGB);
  image.format = PNG_FORMAT_RGB;
  Decoded d{static_cast<int>(image.width), static_cast<int>(image.height), {}};
  d.rgb.resize(PNG_IMAGE_SIZE(image));
  REQUIRE(png_image_finish_read(&image, nullptr, d.rgb.data(), 0, nullptr));
  return d;
}

std::vector<uint8_t> noise(int width, int height) {
  std::vector<uint8_t> rgb(static_cast<size_t>(width) * height * 3);
  uint32_t state = 1;
  for (uint8_t& v : rgb) v = static_cast<uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  return rgb;
}

}  // namespace

TEST_CASE("png: pixels come back") {
  for (const auto& [width, height] : {std::pair{1, 1}, {5, 3}, {3, 5}, {274, 274}}) {
    const auto rgb = noise(width, height);
    const auto png = encode_png(rgb.data(), width, height);
    const Decoded d = decode(png.data(), png.size());
    CHECK(d.width == width);
    CHECK(d.height == height);
    CHECK(d.rgb == rgb);
  }
}

TEST_CASE("png: the file is the encoding") {
  const TempDir dir;
  const auto rgb = noise(8, 8);
  write_png(dir / "a.png", rgb.data(), 8, 8);
  const auto file = read_file(dir / "a.png");
  const auto png = encode_png(rgb.data(), 8, 8);
  CHECK(std::ranges::equal(file, std::as_bytes(std::span(png))));
  CHECK_THROWS_AS(write_png(dir / "no" / "a.png", rgb.data(), 8, 8), OutputError);
}

TEST_CASE("png: sizes are checked") {
  const uint8_t pixel[3] = {};
  CHECK_THROWS_AS(encode_png(pixel, 0, 1), ShapeError);
  CHECK_THROWS_AS(encode_png(pixel, 1, -1), ShapeError);
  CHECK_THROWS_WITH(encode_png(pixel, 40000, 1), ContainsSubstring("40000 x 1 pixels"));
}
