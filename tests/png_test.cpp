#include "nn/data/png.h"

#include <vector>

#include "tensor/error.h"
#include "tensor/file.h"
#include "tests/catch.h"
#include "tests/message_of.h"
#include "tests/temp_dir.h"

using namespace gradus;

namespace {

Picture noise(int width, int height) {
  Picture p{width, height, std::vector<uint8_t>(static_cast<size_t>(width) * height * 3)};
  uint32_t state = 1;
  for (uint8_t& v : p.rgb) v = static_cast<uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  return p;
}

std::string_view text(const std::vector<uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("png: pixels come back") {
  const TempDir dir;
  for (const auto& [width, height] : {std::pair{1, 1}, {5, 3}, {3, 5}, {274, 274}}) {
    const Picture p = noise(width, height);
    write_png(dir / "a.png", p);
    const Picture back = read_picture(dir / "a.png");
    CHECK(back.width == width);
    CHECK(back.height == height);
    CHECK(back.rgb == p.rgb);
  }
}

TEST_CASE("png: the file is the encoding") {
  const TempDir dir;
  const Picture p = noise(8, 8);
  write_png(dir / "a.png", p);
  CHECK((text_of(dir / "a.png") == text(encode_png(p))));
  CHECK_THROWS_AS(write_png(dir / "no" / "a.png", p), OutputError);
}

TEST_CASE("png: sizes are checked") {
  CHECK_THROWS_AS(encode_png({0, 1, {}}), ShapeError);
  CHECK_THROWS_AS(encode_png({1, -1, {}}), ShapeError);
  CHECK_THROWS_WITH(encode_png({40000, 1, {}}), ContainsSubstring("40000 x 1 pixels"));
  CHECK(message_of<ShapeError>([] {
          encode_png({2, 1, {0, 0, 0}});
        }) == "png: 3 bytes do not fill 2 x 1 pixels of 3");
}

TEST_CASE("png: files that are none, or damaged, or huge") {
  const TempDir dir;
  const auto refused = [&](std::string_view bytes) {
    const auto path = dir.put("a.png", bytes);
    const std::string message =
        message_of<DataError>([&] { return decode_png(read_file(path), path.string()); });
    CHECK_THAT(message, ContainsSubstring(path.string() + ": "));
    return message;
  };
  CHECK_THROWS_AS(read_picture(dir / "none.png"), DataError);
  const auto png = encode_png(noise(20, 20));
  const std::string whole(text(png));
  CHECK_THAT(refused(""), ContainsSubstring("no PNG"));
  CHECK_THAT(refused("<html></html>"), ContainsSubstring("no PNG"));
  for (const size_t size : {size_t{8}, size_t{20}, whole.size() / 2, whole.size() - 20})
    refused(whole.substr(0, size));
  std::string flipped = whole;
  flipped[whole.size() / 2] = static_cast<char>(flipped[whole.size() / 2] ^ 1);
  CHECK_THAT(refused(flipped), ContainsSubstring("damaged"));
  CHECK_THAT(refused(std::string(text(encode_png({9000, 1, std::vector<uint8_t>(27000)})))),
             ContainsSubstring("9000 x 1 pixels; at most 8192"));
}
