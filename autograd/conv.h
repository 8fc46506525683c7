#pragma once

#include <cstdint>

#include "autograd/tape.h"

namespace gradus {

/// Zeros around an image. `same` and `valid` are TensorFlow's: same gives ceil(in / stride) rows,
/// total = max((out - 1) * stride + kernel - in, 0) of which total / 2, rounded down, lie in front;
/// valid pads nothing.
struct Padding {
  enum class Kind { same, valid, explicit_ } kind = Kind::same;
  int top = 0, bottom = 0, left = 0, right = 0;

  static Padding same() { return {Kind::same}; }
  static Padding valid() { return {Kind::valid}; }
  static Padding of(int top, int bottom, int left, int right) {
    return {Kind::explicit_, top, bottom, left, right};
  }
};

struct ConvOptions {
  int stride_h = 1, stride_w = 1;
  Padding padding;
};

/// Cross-correlation, as every framework's convolution.
/// x [N, H, W, C], w [K, R, S, C], bias [K] or undefined -> [N, P, Q, K];
/// y[n, p, q, k] = bias[k] + sum_{r, s, c} x[n, p * stride - top + r, q * stride - left + s, c]
/// w[k, r, s, c].
Var conv2d(const Var& x, const Var& w, const Var& bias, const ConvOptions& options = {});

/// The adjoint of conv2d in x, with the roles of in and out swapped:
/// x [N, H, W, C], w [C, R, S, K], bias [K] or undefined -> [N, P, Q, K], where P is H * stride
/// under `same`, (H - 1) * stride + R under `valid`, and top + bottom less than that under explicit
/// padding; y[n, h * stride - top + r, w * stride - left + s, k] += x[n, h, w, c] w[c, r, s, k].
Var conv_transpose2d(const Var& x, const Var& w, const Var& bias, const ConvOptions& options = {});

}  // namespace gradus
