#pragma once

#include <cstdint>

#include "autograd/padding.h"

namespace gradus {

/// One axis of a window that moves over an image: its positions, and the pixels of padding before
/// the first.
struct WindowPositions {
  int64_t count;
  int pad_before;
};

/// The positions of a window over `in` pixels with `before` and `after` of explicit padding, which
/// `same` does not read; 0 where it does not fit. The stride is at least 1, unchecked.
WindowPositions window_positions(Padding::Kind kind, int before, int after, int64_t in,
                                 int64_t window, int stride);

/// The padding in front under `same` where a window takes `small` positions over `large` pixels.
int same_pad_before(int64_t large, int64_t small, int64_t window, int stride);

/// Throws ShapeError, with the operation's name in front, unless both are positive.
void require_strides(const char* operation, int stride_h, int stride_w);

}  // namespace gradus
