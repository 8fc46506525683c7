#pragma once

#include "autograd/padding.h"
#include "autograd/tape.h"

// Pooling of images: x [N, H, W, C] -> [N, P, Q, C], each channel by itself. P and Q are as in
// conv2d. Throw Error where x is undefined, TypeError unless it is f32 or f64, ShapeError unless x
// is an image with channels, kernel and strides are at least 1, each explicit padding is at least 0
// and less than the kernel, and the kernel fits.

namespace gradus {

struct PoolOptions {
  int kernel_h = 2, kernel_w = 2;
  int stride_h = 2, stride_w = 2;
  Padding padding = Padding::valid();
};

/// The largest element of each window; padding is never the largest. The gradient goes to the first
/// largest, in the order of rows. NaN is larger than every number.
Var max_pool2d(const Var& x, const PoolOptions& options = {});

/// What an average divides by: the window's elements within the image, as TensorFlow does, or all
/// of its taps, those on padding too, as PyTorch does.
enum class Divisor { elements, taps };
/// The average of each window. The gradient is shared equally by its elements.
Var avg_pool2d(const Var& x, const PoolOptions& options = {}, Divisor divisor = Divisor::elements);

/// The average of each channel's image: [N, H, W, C] -> [N, C]. Throws ShapeError where x is no
/// image or has no pixels, TypeError unless it is f32 or f64.
Var global_avg_pool2d(const Var& x);

}  // namespace gradus
