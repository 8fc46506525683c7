#include <zlib.h>

#include "nn/data/image_folder.h"
#include "nn/data/jpeg.h"
#include "nn/data/png.h"
#include "tests/fuzz/fuzz.h"

// A PNG or a JPEG; small ones also as the images of a folder.

using namespace gradus;
using namespace gradus::fuzz;
namespace fs = std::filesystem;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

uint32_t big_endian(const char* p) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(p[i]);
  return value;
}

/// With the checksums that its chunks should have, which else keep mutants out.
std::string with_checksums(std::string png) {
  for (size_t at = 8; at + 12 <= png.size();) {
    const size_t length = big_endian(&png[at]);
    if (length > png.size() - at - 12) break;
    const auto* kind = reinterpret_cast<const Bytef*>(&png[at + 4]);
    const auto crc = static_cast<uint32_t>(::crc32(0, kind, static_cast<uInt>(length + 4)));
    for (int i = 0; i < 4; ++i) png[at + 8 + length + i] = static_cast<char>(crc >> (24 - 8 * i));
    at += length + 12;
  }
  return png;
}

void check(const Picture& p) {
  must(p.width > 0 && p.width <= kMaxPictureExtent && p.height > 0 &&
           p.height <= kMaxPictureExtent &&
           p.rgb.size() == size_t{3} * static_cast<size_t>(p.width) * static_cast<size_t>(p.height),
       "as many pixels as it says");
}

void load_as_folder(const char* extension, std::string_view file) {
  fs::create_directories(scratch() / extension / "test");
  for (const char* name : {"a", "b"}) {
    const std::string folder = std::string(extension) + "/train/" + name;
    fs::create_directories(scratch() / folder);
    put(folder + "/1." + extension, file);
  }
  must(load_image_folder(scratch() / extension, Split::train).count() == 2, "two images");
}

void run_png(std::string_view input) {
  const std::string file = with_checksums(std::string(input));
  may_refuse([&] {
    const Picture picture = decode_png(bytes_of(file), "a.png");
    check(picture);
    if (picture.width > 200 || picture.height > 200) return;
    const std::vector<uint8_t> again = encode_png(picture);
    must(decode_png(std::as_bytes(std::span(again)), "b.png").rgb == picture.rgb,
         "what is written is read as the same");
    load_as_folder("png", file);
  });
}

void run_jpeg(std::string_view input) {
  may_refuse([&] {
    const Picture picture = decode_jpeg(bytes_of(input), "a.jpg");
    check(picture);
    if (picture.width <= 200 && picture.height <= 200) load_as_folder("jpg", input);
  });
}

const Harness png("png", run_png), jpeg("jpeg", run_jpeg);

}  // namespace
