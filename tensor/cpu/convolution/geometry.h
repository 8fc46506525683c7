#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>

#include "tensor/backend.h"

namespace gradus::cpu::convolution {

/// Some of a row or column of taps or pixels: [begin, end).
struct Range {
  int64_t begin, end;
  int64_t size() const { return std::max<int64_t>(end - begin, 0); }
};

/// y [N, P, Q, K] = x [N, H, W, C] * w [K, R, S, C / groups]: all the numbers of one convolution.
struct Geometry {
  int64_t n, h, w, c;
  int64_t k, r, s;
  int64_t p, q;
  int64_t stride_h, stride_w, pad_top, pad_left;
  int64_t dilation_h = 1, dilation_w = 1, groups = 1;

  /// Unchecked: the shapes of x, w and y fit together.
  Geometry(const ConvParams& params, const Shape& x, const Shape& w, const Shape& y);

  /// Rows of padding that the last output row reads; negative where it ends before the input does.
  int64_t pad_bottom() const { return (p - 1) * stride_h + (r - 1) * dilation_h + 1 - h - pad_top; }
  int64_t pad_right() const { return (q - 1) * stride_w + (s - 1) * dilation_w + 1 - w - pad_left; }
  /// Whether it has up to 6 x 6 taps, halves rows and columns with stride 2 and so is one of 3 x 3
  /// taps with stride 1 between y and quads, padded by one: quad (i, j) of x is its pixels
  /// (2 i + u, 2 j + v), u and v in {0, 1}, seen as one with four times the channels.
  bool has_quads() const {
    const auto fits = [](int64_t pad, int64_t taps) {
      return pad >= 0 && pad <= 2 && taps <= pad + 4;
    };
    return stride_h == 2 && stride_w == 2 && h == 2 * p && w == 2 * q && fits(pad_top, r) &&
           fits(pad_left, s);
  }
  /// Neither dilation nor groups.
  bool is_plain() const { return dilation_h == 1 && dilation_w == 1 && groups == 1; }
  auto operator<=>(const Geometry&) const = default;
};

/// What tap r of a convolution with quads reads: pixel (u or v) of the quad that tap `tap` of the
/// 3 x 3 reads.
struct QuadTap {
  int64_t pixel, tap;
};
inline QuadTap quad_tap(int64_t r, int64_t pad) {
  const int64_t from_pixel = r - pad + 2;  // of the first quad that is read
  return {from_pixel % 2, from_pixel / 2};
}

}  // namespace gradus::cpu::convolution
