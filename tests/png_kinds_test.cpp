#include <string>
#include <vector>

#include "nn/data/png.h"
#include "tensor/error.h"
#include "tests/catch.h"
#include "tests/message_of.h"
#include "tests/png_writer.h"

using namespace gradus;

namespace {

std::vector<uint8_t> pixels_of(const PngWriter& png) {
  const std::string file = png.file();
  const Picture p = decode_png(std::as_bytes(std::span(file)), "a.png");
  CHECK(p.width == png.width);
  CHECK(p.height == png.height);
  return p.rgb;
}

std::string refusal_of(const std::string& file) {
  return message_of<DataError>([&] { decode_png(std::as_bytes(std::span(file)), "a.png"); });
}

std::string bytes(std::initializer_list<int> values) {
  std::string s;
  for (const int v : values) s += static_cast<char>(v);
  return s;
}

/// Of each value three.
std::vector<uint8_t> grey(std::initializer_list<int> values) {
  std::vector<uint8_t> rgb;
  for (const int v : values) rgb.insert(rgb.end(), 3, static_cast<uint8_t>(v));
  return rgb;
}

const std::string kPalette = png_chunk("PLTE", bytes({1, 2, 3, 40, 50, 60, 200, 210, 220}));

/// Chunks that say how pixels should look, or say nothing of them; some are nonsense.
const std::vector<std::string> kBeside{
    png_chunk("gAMA", png_word(100000)),
    png_chunk("gAMA", png_word(0)),
    png_chunk("gAMA", png_word(0x7fffffff)),
    png_chunk("gAMA", "x"),
    png_chunk("cHRM", std::string(32, '\1')),
    png_chunk("cHRM", "x"),
    png_chunk("sRGB", bytes({0})),
    png_chunk("sRGB", bytes({77})),
    png_chunk("iCCP", std::string("x\0\0", 3) + deflated(std::string(300, 'R'))),
    png_chunk("iCCP", "nothing of the kind"),
    png_chunk("bKGD", std::string(6, '\1')),
    png_chunk("bKGD", "x"),
    png_chunk("sBIT", bytes({1, 1, 1, 1})),
    png_chunk("tRNS", bytes({0, 0})),
    png_chunk("tRNS", std::string(300, '\0')),
    png_chunk("tEXt", std::string("a\0", 2) + std::string(9'000'000, 'b')),
    png_chunk("zTXt", std::string("a\0\0damaged", 10)),
    png_chunk("pHYs", "x"),
    png_chunk("tIME", ""),
    png_chunk("eXIf", "II*"),
    png_chunk("abCd", "private"),
    torn_chunk("tEXt", std::string("a\0b", 3)),
    torn_chunk("gAMA", png_word(45455)),
    torn_chunk("tRNS", bytes({0, 0})),
    torn_chunk("abCd", "private"),
};

}  // namespace

TEST_CASE("png: every colour type and depth, as stored") {
  // Grey of 1, 2 and 4 bits is spread over 0 to 255.
  CHECK(pixels_of({5, 1, 1, 0, bytes({0, 0b10110000})}) == grey({255, 0, 255, 255, 0}));
  CHECK(pixels_of({4, 1, 2, 0, bytes({0, 0b00011011})}) == grey({0, 85, 170, 255}));
  CHECK(pixels_of({3, 1, 4, 0, bytes({0, 0x0f, 0x80})}) == grey({0, 255, 136}));
  CHECK(pixels_of({3, 1, 8, 0, bytes({0, 0, 128, 255})}) == grey({0, 128, 255}));
  // Of 16 bits the higher byte, whatever the colour type.
  CHECK(pixels_of({4, 1, 16, 0, bytes({0, 0x80, 0x80, 0x80, 0xff, 0, 0xff, 0xff, 0})}) ==
        grey({128, 128, 0, 255}));
  CHECK(pixels_of({1, 1, 16, 2, bytes({0, 1, 99, 2, 255, 3, 0})}) == std::vector<uint8_t>{1, 2, 3});
  CHECK(pixels_of({1, 1, 16, 4, bytes({0, 0x80, 0x80, 0, 0})}) == grey({128}));
  CHECK(pixels_of({1, 1, 16, 6, bytes({0, 1, 99, 2, 255, 3, 0, 0, 0})}) ==
        std::vector<uint8_t>{1, 2, 3});
  CHECK(pixels_of({2, 1, 8, 2, bytes({0, 1, 2, 3, 250, 251, 252})}) ==
        std::vector<uint8_t>{1, 2, 3, 250, 251, 252});
  // What is transparent shows as it is stored.
  CHECK(pixels_of({2, 1, 8, 4, bytes({0, 7, 0, 9, 128})}) == grey({7, 9}));
  CHECK(pixels_of({2, 1, 8, 6, bytes({0, 1, 2, 3, 0, 4, 5, 6, 128})}) ==
        std::vector<uint8_t>{1, 2, 3, 4, 5, 6});
  for (const auto& [depth, rows] : {std::pair{2, bytes({0, 0b00011000})},
                                    {4, bytes({0, 0x01, 0x20})},
                                    {8, bytes({0, 0, 1, 2})}})
    for (const std::string& alpha : {std::string(), png_chunk("tRNS", bytes({0, 128}))}) {
      INFO(depth);
      CHECK(pixels_of({3, 1, depth, 3, rows, kPalette + alpha}) ==
            std::vector<uint8_t>{1, 2, 3, 40, 50, 60, 200, 210, 220});
    }
  CHECK(pixels_of({3, 1, 1, 3, bytes({0, 0b01000000}), kPalette}) ==
        std::vector<uint8_t>{1, 2, 3, 40, 50, 60, 1, 2, 3});
}

TEST_CASE("png: interlaced images") {
  // Passes of a 3 x 3 image by Adam7: (0,0); none; none; (0,2); (2,0) (2,2); (0,1) (2,1); row 1.
  const std::string rows = bytes({0, 10}) + bytes({0, 12}) + bytes({0, 30, 32}) +
                           bytes({0, 11, 0, 31}) + bytes({0, 20, 21, 22});
  CHECK(pixels_of({3, 3, 8, 0, rows, "", "", true}) == grey({10, 11, 12, 20, 21, 22, 30, 31, 32}));
}

TEST_CASE("png: chunks beside the pixels change and spoil nothing") {
  for (const std::string& chunk : kBeside) {
    INFO(chunk.substr(4, 4) << " of " << chunk.size() - 12 << " bytes");
    CHECK(pixels_of({3, 1, 8, 0, bytes({0, 0, 128, 255}), chunk}) == grey({0, 128, 255}));
    CHECK(pixels_of({1, 1, 16, 0, bytes({0, 0x80, 0x80}), chunk + chunk}) == grey({128}));
    CHECK(pixels_of({1, 1, 8, 2, bytes({0, 1, 2, 3}), chunk}) == std::vector<uint8_t>{1, 2, 3});
    CHECK(pixels_of({1, 1, 8, 6, bytes({0, 1, 2, 3, 0}), "", chunk}) ==
          std::vector<uint8_t>{1, 2, 3});
    CHECK(pixels_of({1, 1, 8, 3, bytes({0, 1}), chunk + kPalette + chunk}) ==
          std::vector<uint8_t>{40, 50, 60});
  }
  CHECK(pixels_of({1, 1, 8, 0, bytes({0, 7}), kPalette}) == grey({7}));
}

TEST_CASE("png: damage of the pixels is an error") {
  const PngWriter sound{2, 2, 8, 0, bytes({0, 1, 2, 0, 3, 4})};
  CHECK(pixels_of(sound) == grey({1, 2, 3, 4}));
  const auto with = [&](auto change) {
    PngWriter w = sound;
    change(w);
    return refusal_of(w.file());
  };
  const std::string packed = deflated(sound.rows);
  std::string wrong_sum = packed;
  wrong_sum.back() = static_cast<char>(wrong_sum.back() ^ 1);
  CHECK_THAT(with([&](PngWriter& w) { w.pixels = torn_chunk("IDAT", packed); }),
             ContainsSubstring("a.png: a damaged PNG: "));
  CHECK_THAT(with([&](PngWriter& w) { w.pixels = png_chunk("IDAT", wrong_sum); }),
             ContainsSubstring("a.png: a damaged PNG: "));
  CHECK_THAT(with([&](PngWriter& w) { w.pixels = png_chunk("IDAT", packed.substr(0, 8)); }),
             ContainsSubstring("a.png: a damaged PNG: "));
  CHECK_THAT(with([&](PngWriter& w) {
               w.rows = bytes({0, 1, 2, 0, 3});
             }),
             ContainsSubstring("a.png: a damaged PNG: "));
  CHECK_THAT(with([&](PngWriter& w) { w.rows[0] = 9; }), ContainsSubstring("bad adaptive filter"));
  CHECK_THAT(with([&](PngWriter& w) { w.colour = 3; }), ContainsSubstring("PNG"));
  CHECK_THAT(with([&](PngWriter& w) { w.depth = 3; }),
             ContainsSubstring("no PNG, or a damaged one"));
  const std::string file = sound.file();
  for (size_t n = 0; n < file.size(); ++n) {
    INFO(n);
    CHECK_THAT(refusal_of(file.substr(0, n)), ContainsSubstring("a.png: "));
  }
}

TEST_CASE("png: a header is not believed before the file could hold its pixels") {
  // 58 bytes that announce 201 million.
  PngWriter huge{8192, 8192, 8, 2, ""};
  huge.pixels = png_chunk("IDAT", "x");
  CHECK_THAT(refusal_of(huge.file()), ContainsSubstring("bytes do not hold 8192 x 8192 pixels"));
}
