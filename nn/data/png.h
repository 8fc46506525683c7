#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "nn/data/picture.h"

namespace gradus {

/// As an 8-bit RGB PNG. Throws ShapeError for a width or height outside 1..32768, or where `rgb` is
/// of another size, Error where libpng fails.
std::vector<uint8_t> encode_png(const Picture& picture);

/// The same as a file, through write_file; throws OutputError, too, where it cannot be written.
void write_png(const std::filesystem::path& path, const Picture& picture);

/// A PNG of any kind as 8-bit RGB, pixel for pixel what Pillow's convert("RGB") gives: the samples
/// as they are stored, those of 16 bits by their higher byte (Pillow clips grey ones instead), grey
/// and palettes as colours. Transparency and chunks about colours, gamma and the like change
/// nothing; what is wrong in those does not matter. Throws DataError that begins with `name` where
/// it is no PNG, damaged, cut short, or wider or higher than kMaxPictureExtent.
Picture decode_png(std::span<const std::byte> bytes, const std::string& name);

}  // namespace gradus
