#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace gradus {

struct Picture {
  int width = 0, height = 0;  ///< pixels
  std::vector<uint8_t> rgb;   ///< [height, width, 3], row-major
};

/// Pictures that are read have at most so many pixels each way.
inline constexpr int kMaxPictureExtent = 8192;

/// Whether the bytes begin as those of a PNG or a JPEG do.
bool begins_as_picture(std::span<const std::byte> bytes);
/// A PNG or a JPEG as 8-bit RGB (decode_png, decode_jpeg). Throws DataError that begins with `name`
/// where it is damaged, of another kind, or wider or higher than kMaxPictureExtent.
Picture decode_picture(std::span<const std::byte> bytes, const std::string& name);
/// The same of a file: its content tells of which kind it is, not its name. Throws DataError, too,
/// where it is missing.
Picture read_picture(const std::filesystem::path& path);

/// The square in the middle, made `side` pixels each way, as u8 [side, side, 3]: each new pixel is
/// the mean over the area that it covers of the old ones.
void fit_picture(const Picture& picture, int side, std::span<uint8_t> rgb);

}  // namespace gradus
