#pragma once

#include <string>

#include "nn/data/picture.h"

namespace gradus::ssgan {

/// A <figure> that holds the picture as a JPEG, and a caption; both texts are escaped.
std::string picture_figure(const Picture& picture, const std::string& alt,
                           const std::string& caption);

}  // namespace gradus::ssgan
