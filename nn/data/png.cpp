#include "nn/data/png.h"

#include <png.h>

#include "tensor/error.h"
#include "tensor/file.h"

namespace gradus {

std::vector<uint8_t> encode_png(const uint8_t* rgb, int width, int height) {
  constexpr int kMaxExtent = 32768;
  require<ShapeError>(width >= 1 && width <= kMaxExtent && height >= 1 && height <= kMaxExtent,
                      "png: {} x {} pixels; 1 to {} each way", width, height, kMaxExtent);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<uint8_t> png(size);
  const bool ok = png_image_write_to_memory(&image, png.data(), &size, 0, rgb, 0, nullptr) != 0;
  require(ok, "png: libpng failed: {}", image.message);
  png.resize(size);
  return png;
}

void write_png(const std::filesystem::path& path, const uint8_t* rgb, int width, int height) {
  const std::vector<uint8_t> png = encode_png(rgb, width, height);
  write_file(path, std::as_bytes(std::span(png)));
}

}  // namespace gradus
