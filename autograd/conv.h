#pragma once

#include "autograd/padding.h"
#include "autograd/tape.h"

// Both take x, w and bias of one dtype, f32 or f64, on one device, and throw Error where x or w is
// undefined, TypeError or DeviceError where they are not alike, ShapeError where the shapes do not
// fit together, w is empty, a stride, dilation or number of groups is below 1, a padding below 0,
// or P or Q comes out below 1. Dumoulin & Visin 2016 derive the sizes.

namespace gradus {

/// A dilation spreads the kernel's taps: it covers (R - 1) * dilation + 1 rows, which is its size
/// to `same` and `valid`. Groups split the channels in and out into as many equal runs, each a
/// convolution of its own; they must divide both.
struct ConvOptions {
  int stride_h = 1, stride_w = 1;
  Padding padding = {};
  int dilation_h = 1, dilation_w = 1;
  int groups = 1;
};

/// Cross-correlation, as every framework's convolution.
/// x [N, H, W, C], w [K, R, S, C / groups], bias [K] or undefined -> [N, P, Q, K]; in one group
/// y[n, p, q, k] = bias[k] + sum_{r, s, c} w[k, r, s, c]
/// x[n, p * stride - top + r * dilation, q * stride - left + s * dilation, c].
Var conv2d(const Var& x, const Var& w, const Var& bias, const ConvOptions& options = {});

/// The adjoint of conv2d in x, with the roles of in and out swapped:
/// x [N, H, W, C], w [C, R, S, K / groups], bias [K] or undefined -> [N, P, Q, K], where P is
/// H * stride under `same`, (H - 1) * stride + the rows that the kernel covers under `valid`, and
/// top + bottom less than that under explicit padding; in one group
/// y[n, h * stride - top + r * dilation, w * stride - left + s * dilation, k] +=
/// x[n, h, w, c] w[c, r, s, k].
Var conv_transpose2d(const Var& x, const Var& w, const Var& bias, const ConvOptions& options = {});

}  // namespace gradus
