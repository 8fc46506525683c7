#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace gradus::ssgan {

/// Pictures as the networks take them, and where they came from.
struct PictureList {
  std::vector<std::string> names;  ///< [N]
  Tensor images;                   ///< u8 [N, side, side, 3]
  int64_t unread = 0;              ///< how many could not be read
};

/// Reads what `words` name: PNGs and JPEGs, folders (all such files below them but hidden ones, by
/// name), and "-", the bytes of `input`: a picture, or names, one a line. Each picture is fitted,
/// `side` pixels each way, as training fits those of folders (fit_picture). One that cannot be read
/// is passed over and told to `complain`, as is a folder without any.
PictureList read_pictures(const std::vector<std::string>& words, int side,
                          const std::function<std::vector<std::byte>()>& input,
                          const std::function<void(const std::string&)>& complain);

}  // namespace gradus::ssgan
