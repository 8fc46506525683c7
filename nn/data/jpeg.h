#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "nn/data/picture.h"

namespace gradus {

/// A JPEG of any kind that libjpeg reads (baseline, progressive; grey, colour, CMYK with Adobe's
/// inverted inks) as 8-bit RGB, pixel for pixel what Pillow's convert("RGB") gives. The pixels stay
/// as they are stored: an orientation in the EXIF data turns nothing. Throws DataError that begins
/// with `name` where it is no JPEG, damaged, cut short, or wider or higher than kMaxPictureExtent.
Picture decode_jpeg(std::span<const std::byte> bytes, const std::string& name);

}  // namespace gradus
