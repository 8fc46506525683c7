#pragma once

#include <string>
#include <vector>

#include "nn/data/picture.h"
#include "tensor/tensor.h"

namespace gradus::ssgan {

/// An image f64 [H, W, 3] in [-1, 1], pixel for pixel.
Picture picture_of(const Tensor& image);

/// The first channels of an activation f64 [H, W, C] or [C] side by side, at most `most`, four a
/// row; a [C] is a picture of about C pixels, row by row. White is 0, orange positive, blue
/// negative; the largest value has the full colour.
Picture channels_of(const Tensor& activation, int64_t most);

/// An <img> with the picture in it, of `width` CSS pixels, its pixels kept sharp.
std::string image_tag(const Picture& picture, int width, const std::string& alt);

}  // namespace gradus::ssgan
