#pragma once

#include <cstdint>

#include "tensor/shape.h"

namespace gradus {

/// Zeros around an image, in pixels. `same` and `valid` are TensorFlow's: same gives ceil(in /
/// stride) rows, total = max((out - 1) * stride + kernel - in, 0) of which total / 2, rounded down,
/// lie in front; valid pads nothing.
struct Padding {
  enum class Kind { same, valid, explicit_ } kind = Kind::same;
  int top = 0, bottom = 0, left = 0, right = 0;

  static Padding same() { return {Kind::same}; }
  static Padding valid() { return {Kind::valid}; }
  static Padding of(int top, int bottom, int left, int right) {
    return {Kind::explicit_, top, bottom, left, right};
  }
};

/// One axis of a window that moves over an image: its positions, and the pixels of padding before
/// the first.
struct Extent {
  int64_t out;
  int pad_before;
};

/// The positions of a window over `in` pixels with `before` and `after` of explicit padding, which
/// `same` does not read; 0 where it does not fit. The stride is at least 1, unchecked.
Extent window_extent(Padding::Kind kind, int before, int after, int64_t in, int64_t window,
                     int stride);

/// The padding in front under `same` where a window takes `small` positions over `large` pixels.
int same_pad_before(int64_t large, int64_t small, int64_t window, int stride);

/// Throws ShapeError, with the operation's name in front, unless both are positive.
void require_strides(const char* operation, int stride_h, int stride_w);

}  // namespace gradus
