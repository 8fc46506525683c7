#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace gradus {

struct Picture {
  int width = 0, height = 0;  ///< pixels
  std::vector<uint8_t> rgb;   ///< [height, width, 3], row-major
};

/// Pictures that are read have at most so many pixels each way.
inline constexpr int kMaxPictureExtent = 8192;

/// A PNG or a JPEG, which its content tells, not its name, as 8-bit RGB (read_png, decode_jpeg).
/// Throws DataError that names the file where it is missing, damaged, of another kind, or wider or
/// higher than kMaxPictureExtent.
Picture read_picture(const std::filesystem::path& path);

}  // namespace gradus
