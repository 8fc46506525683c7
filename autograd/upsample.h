#pragma once

#include "autograd/tape.h"

// Images enlarged by a whole factor: x [N, H, W, C] -> [N, H * factor, W * factor, C]. Throw
// ShapeError unless x is an image and the factor at least 1, TypeError unless x is f32 or f64,
// Error where it is undefined.

namespace gradus {

/// Each pixel becomes factor x factor pixels.
Var upsample_nearest2d(const Var& x, int factor);

/// Linear in each direction between pixel centres: output i reads the input at
/// (i + 0.5) / factor - 0.5, and beyond the outermost centres the outermost pixel. (Half-pixel
/// centres: PyTorch's align_corners=False.)
Var upsample_bilinear2d(const Var& x, int factor);

}  // namespace gradus
