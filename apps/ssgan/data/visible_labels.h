#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/data/image_set.h"

namespace gradus::ssgan {

/// Which training images show their label.
struct LabelChoice {
  enum class Kind { first, per_class } kind = Kind::per_class;
  int64_t n = 100;  ///< images in all, or of each class
};

/// "first:1000" or "per-class:100", from 1 on; throws Error for anything else.
LabelChoice parse_label_choice(const std::string& text);
/// The reverse.
std::string to_string(const LabelChoice& choice);

/// 1 for each image whose label is visible, else 0, i32 [N] on the CPU: the first n in file order,
/// or n of each class at random from `seed`; a label 10 of ten classes is a 0. Throws DataError
/// where the set has not that many.
Tensor choose_labelled(const ImageSet& set, const LabelChoice& choice, uint64_t seed);

/// Takes n images, from 0 on, out of those that `mask` (as choose_labelled gives it) shows, at
/// random from `seed`, of each class as many as can be; returns their indices, which grow. Throws
/// DataError unless some are left.
std::vector<int32_t> hold_out(const ImageSet& set, Tensor& mask, int64_t n, uint64_t seed);

}  // namespace gradus::ssgan
