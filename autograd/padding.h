#pragma once

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

}  // namespace gradus
