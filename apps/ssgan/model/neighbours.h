#pragma once

#include "tensor/tensor.h"

namespace gradus::ssgan {

/// What lies nearest to each of n real and n generated images, another than itself, by the sum of
/// squared differences of their bytes: a look at generated images that needs no network.
struct Neighbours {
  /// Mean distances, root mean squares over an image's bytes, so 0 to 255: of a generated image
  /// from the nearest real one, and of a real image from the nearest other real one.
  double generated_from_real = 0, real_from_real = 0;
  /// The share of generated images whose nearest image is generated, and of real ones whose nearest
  /// is real. Both are about 1/2 where the two kinds cannot be told apart (Lopez-Paz and Oquab
  /// 2017, "Revisiting classifier two-sample tests").
  double generated_by_generated = 0, real_by_real = 0;
};

/// The first n images, at least 2, of each: u8 [>= n, ...] on the CPU, images of one size, all
/// unchecked. Takes 2 n^2 comparisons.
Neighbours neighbours_of(const Tensor& real, const Tensor& generated, int64_t n);

}  // namespace gradus::ssgan
