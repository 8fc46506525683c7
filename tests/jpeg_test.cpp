#include "nn/data/jpeg.h"

#include <cstdio>
// libjpeg's header needs stdio's in front of it.
#include <jpeglib.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "nn/data/picture.h"
#include "tensor/error.h"
#include "tests/catch.h"
#include "tests/message_of.h"
#include "tests/temp_dir.h"

using namespace gradus;

namespace {

struct JpegWriter {
  int width = 16, height = 16;
  J_COLOR_SPACE from = JCS_RGB, stored = JCS_YCbCr;
  std::vector<uint8_t> pixel = {};  ///< of all
  bool progressive = false, arithmetic = false;

  /// Of the best quality, so that an even colour comes back.
  std::string file() const {
    jpeg_compress_struct info{};
    jpeg_error_mgr errors{};
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    unsigned char* bytes = nullptr;
    unsigned long size = 0;
    jpeg_mem_dest(&info, &bytes, &size);
    info.image_width = JDIMENSION(width);
    info.image_height = JDIMENSION(height);
    info.input_components = int(pixel.size());
    info.in_color_space = from;
    jpeg_set_defaults(&info);
    jpeg_set_colorspace(&info, stored);
    jpeg_set_quality(&info, 100, TRUE);
    info.arith_code = arithmetic;
    if (progressive) jpeg_simple_progression(&info);
    jpeg_start_compress(&info, TRUE);
    std::vector<uint8_t> row;
    for (int x = 0; x < width; ++x) row.insert(row.end(), pixel.begin(), pixel.end());
    for (int y = 0; y < height; ++y) {
      uint8_t* rows = row.data();
      jpeg_write_scanlines(&info, &rows, 1);
    }
    jpeg_finish_compress(&info);
    std::string file(reinterpret_cast<char*>(bytes), size);
    jpeg_destroy_compress(&info);
    std::free(bytes);
    return file;
  }
};

Picture decoded(const std::string& file) {
  return decode_jpeg(std::as_bytes(std::span(file)), "a.jpg");
}

std::string refusal_of(const std::string& file) {
  return message_of<DataError>([&] { decoded(file); });
}

void check_all(const Picture& p, int width, int height, const std::vector<int>& rgb) {
  CHECK(p.width == width);
  CHECK(p.height == height);
  REQUIRE(p.rgb.size() == size_t(3 * width * height));
  int wrong = 0;
  for (size_t i = 0; i < p.rgb.size(); ++i) wrong += p.rgb[i] != rgb[i % 3];
  INFO(int(p.rgb[0]) << " " << int(p.rgb[1]) << " " << int(p.rgb[2]));
  CHECK(wrong == 0);
}

/// `segment` behind the file's first marker.
std::string with_segment(const std::string& file, char marker, const std::string& content) {
  const auto size = content.size() + 2;
  return file.substr(0, 2) + '\xff' + marker + char(size >> 8) + char(size & 255) + content +
         file.substr(2);
}

}  // namespace

TEST_CASE("jpeg: grey, colour and inks; baseline, progressive and arithmetic") {
  for (const bool progressive : {false, true})
    for (const bool arithmetic : {false, true}) {
      const auto check = [&](JpegWriter w, const std::vector<int>& rgb) {
        w.progressive = progressive;
        w.arithmetic = arithmetic;
        check_all(decoded(w.file()), w.width, w.height, rgb);
      };
      check({1, 1, JCS_GRAYSCALE, JCS_GRAYSCALE, {77}}, {77, 77, 77});
      check({33, 17, JCS_GRAYSCALE, JCS_GRAYSCALE, {200}}, {200, 200, 200});
      check({33, 17, JCS_RGB, JCS_YCbCr, {120, 120, 120}}, {120, 120, 120});
      check({16, 16, JCS_RGB, JCS_RGB, {10, 130, 250}}, {10, 130, 250});
      // Adobe's inks are inverted: 255 is none. 200/255 of the light through 100/255 of black.
      check({16, 16, JCS_CMYK, JCS_CMYK, {255, 255, 255, 255}}, {255, 255, 255});
      check({16, 16, JCS_CMYK, JCS_CMYK, {255, 255, 255, 0}}, {0, 0, 0});
      check({16, 16, JCS_CMYK, JCS_CMYK, {255, 0, 200, 100}}, {100, 0, 78});
      check({16, 16, JCS_CMYK, JCS_YCCK, {120, 120, 120, 255}}, {120, 120, 120});
    }
}

TEST_CASE("jpeg: what lies beside the pixels changes nothing") {
  const std::string plain = JpegWriter{8, 4, JCS_GRAYSCALE, JCS_GRAYSCALE, {9}}.file();
  // An orientation of 6, to be turned by a quarter.
  const std::string exif("Exif\0\0II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0", 32);
  for (const std::string& file :
       {with_segment(plain, '\xe1', exif), with_segment(plain, '\xe2', "ICC_PROFILE of nonsense"),
        with_segment(plain, '\xfe', "a comment"), plain + "and more behind its end",
        plain.substr(0, 2) + "\xff\xff\xff" + plain.substr(3)})
    check_all(decoded(file), 8, 4, {9, 9, 9});
}

TEST_CASE("jpeg: damaged, cut short, huge or none") {
  std::string file = JpegWriter{64, 64, JCS_RGB, JCS_YCbCr, {250, 100, 3}}.file();
  for (size_t n = 0; n < file.size(); ++n) {
    INFO(n);
    CHECK_THAT(refusal_of(file.substr(0, n)), ContainsSubstring("a.jpg: "));
  }
  CHECK_THAT(refusal_of(file.substr(0, file.size() - 2)), ContainsSubstring("a damaged JPEG: "));
  CHECK_THAT(refusal_of("\xff\xd8\xff"), ContainsSubstring("no JPEG, or a damaged one: "));
  CHECK_THAT(refusal_of("words"), ContainsSubstring("no JPEG, or a damaged one: "));
  const size_t size = file.find("\xff\xc0");
  REQUIRE(size != file.npos);
  const auto with_size = [&](char high, char low) {
    std::string other = file;
    other[size + 5] = other[size + 7] = high;
    other[size + 6] = other[size + 8] = low;
    return refusal_of(other);
  };
  CHECK_THAT(with_size(0x20, 1), ContainsSubstring("8193 x 8193 pixels; at most 8192"));
  CHECK_THAT(with_size(0x20, 0), ContainsSubstring("bytes do not hold 8192 x 8192 pixels"));
  CHECK_THAT(with_size(0, 65), ContainsSubstring("a damaged JPEG: "));
}

TEST_CASE("picture: the content tells a PNG from a JPEG") {
  const TempDir dir;
  const std::string file = JpegWriter{8, 4, JCS_GRAYSCALE, JCS_GRAYSCALE, {9}}.file();
  check_all(read_picture(dir.put("a.png", file)), 8, 4, {9, 9, 9});
  CHECK_THAT(message_of<DataError>([&] { read_picture(dir.put("b.jpg", "BM of Windows")); }),
             ContainsSubstring("b.jpg: no PNG, nor a JPEG, it looks like a BMP image"));
  CHECK_THAT(message_of<DataError>([&] { read_picture(dir.put("c.jpg", "")); }),
             ContainsSubstring("c.jpg: no PNG, nor a JPEG, it is empty"));
}
