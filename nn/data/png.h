#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace gradus {

/// An 8-bit RGB PNG of `rgb` [height, width, 3], row-major. Throws ShapeError for a width or height
/// outside 1..32768.
std::vector<uint8_t> encode_png(const uint8_t* rgb, int width, int height);

/// The same as a file, through write_file; throws OutputError where it cannot be written.
void write_png(const std::filesystem::path& path, const uint8_t* rgb, int width, int height);

}  // namespace gradus
