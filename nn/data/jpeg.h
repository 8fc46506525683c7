#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "nn/data/picture.h"

namespace gradus {

/// A JPEG of any kind that libjpeg reads (baseline, progressive; grey, colour, CMYK with Adobe's
/// inverted inks) as 8-bit RGB, pixel for pixel what Pillow's convert("RGB") gives. The pixels stay
/// as they are stored: an orientation in the EXIF data turns nothing. Throws DataError that begins
/// with `name` where it is no JPEG, damaged, cut short, or wider or higher than kMaxPictureExtent.
Picture decode_jpeg(std::span<const std::byte> bytes, const std::string& name);

/// A JPEG of a picture that has pixels, with colours as sharp as brightness; quality from 1 to 100,
/// as libjpeg counts. Throws Error where memory is out.
std::vector<uint8_t> encode_jpeg(const Picture& picture, int quality);

}  // namespace gradus
