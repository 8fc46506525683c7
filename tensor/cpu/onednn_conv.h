#pragma once

#include <compare>
#include <cstdint>

/// The two ways in which onednn.cpp computes a convolution. Both take every extent at least 1 and
/// overwrite their last argument.
namespace gradus::onednn {

/// y [N, P, Q, K] = x [N, H, W, C] * w [K, R, S, C / groups]: all the numbers of one convolution.
struct Geometry {
  int64_t n, h, w, c;
  int64_t k, r, s;
  int64_t p, q;
  int64_t stride_h, stride_w, pad_top, pad_left;
  int64_t dilation_h = 1, dilation_w = 1, groups = 1;

  /// Rows of padding that the last output row reads; negative where it ends before the input does.
  int64_t pad_bottom() const { return (p - 1) * stride_h + (r - 1) * dilation_h + 1 - h - pad_top; }
  int64_t pad_right() const { return (q - 1) * stride_w + (s - 1) * dilation_w + 1 - w - pad_left; }
  /// Neither dilation nor groups.
  bool is_plain() const { return dilation_h == 1 && dilation_w == 1 && groups == 1; }
  auto operator<=>(const Geometry&) const = default;
};

/// c [M, N] = op(a) op(b) + beta * c, row-major, op a transpose where asked.
void sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
           const float* b, float beta, float* c);

/// oneDNN's direct convolutions, with the weights reordered at each call to the layout that the
/// library chooses.
namespace direct {
/// Whether oneDNN can be trusted with the geometry: it wants no negative padding in front, less
/// than a stride of unread input behind, and no strides with kernels of 1 x 1.
bool takes(const Geometry& g);
/// bias [K] or null.
void forward(const Geometry& g, const float* x, const float* w, const float* bias, float* y);
void grad_input(const Geometry& g, const float* w, const float* dy, float* dx);
void grad_weight(const Geometry& g, const float* x, const float* dy, float* dw);
}  // namespace direct

/// Convolutions as products with the matrix of patches [N P Q, R S C], for any plain geometry.
namespace patches {
void forward(const Geometry& g, const float* x, const float* w, const float* bias, float* y);
/// bias [C] or null.
void grad_input(const Geometry& g, const float* w, const float* dy, const float* bias, float* dx);
void grad_weight(const Geometry& g, const float* x, const float* dy, float* dw);
}  // namespace patches

}  // namespace gradus::onednn
