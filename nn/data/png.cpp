#include "nn/data/png.h"

#include <png.h>

#include "tensor/error.h"
#include "tensor/file.h"

namespace gradus {
namespace {

struct PngImage : png_image {
  PngImage() : png_image{} { version = PNG_IMAGE_VERSION; }
  ~PngImage() { png_image_free(this); }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
};

}  // namespace

std::vector<uint8_t> encode_png(const Picture& p) {
  constexpr int kMaxExtent = 32768;
  require<ShapeError>(
      p.width >= 1 && p.width <= kMaxExtent && p.height >= 1 && p.height <= kMaxExtent,
      "png: {} x {} pixels; 1 to {} each way", p.width, p.height, kMaxExtent);
  require<ShapeError>(p.rgb.size() == size_t{3} * size_t(p.width) * size_t(p.height),
                      "png: {} bytes do not fill {} x {} pixels of 3", p.rgb.size(), p.width,
                      p.height);
  PngImage image;
  image.width = static_cast<png_uint_32>(p.width);
  image.height = static_cast<png_uint_32>(p.height);
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<uint8_t> png(size);
  const bool ok =
      png_image_write_to_memory(&image, png.data(), &size, 0, p.rgb.data(), 0, nullptr) != 0;
  require(ok, "png: libpng failed: {}", image.message);
  png.resize(size);
  return png;
}

void write_png(const std::filesystem::path& path, const Picture& picture) {
  const std::vector<uint8_t> png = encode_png(picture);
  write_file(path, std::as_bytes(std::span(png)));
}

}  // namespace gradus
