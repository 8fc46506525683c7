#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace gradus {

struct Picture {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;  ///< [height, width, 3], row-major
};

/// As an 8-bit RGB PNG. Throws ShapeError for a width or height outside 1..32768.
std::vector<uint8_t> encode_png(const Picture& picture);

/// The same as a file, through write_file; throws OutputError where it cannot be written.
void write_png(const std::filesystem::path& path, const Picture& picture);

/// A PNG of any kind as 8-bit sRGB; what is transparent shows white behind it. Throws DataError
/// that names the file where it is missing, damaged, not a PNG, or larger than 8192 pixels each
/// way.
Picture read_png(const std::filesystem::path& path);

}  // namespace gradus
