#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace gradus {

struct Picture {
  int width = 0, height = 0;  ///< pixels
  std::vector<uint8_t> rgb;   ///< [height, width, 3], row-major
};

/// As an 8-bit RGB PNG. Throws ShapeError for a width or height outside 1..32768, or where `rgb` is
/// of another size, Error where libpng fails.
std::vector<uint8_t> encode_png(const Picture& picture);

/// The same as a file, through write_file; throws OutputError, too, where it cannot be written.
void write_png(const std::filesystem::path& path, const Picture& picture);

/// A PNG of any kind as 8-bit sRGB; what is transparent shows white behind it. Throws DataError
/// that names the file where it is missing, damaged, not a PNG, or wider or higher than 8192
/// pixels.
Picture read_png(const std::filesystem::path& path);

}  // namespace gradus
