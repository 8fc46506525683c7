#pragma once

#include "tensor/cpu/convolution/epilogue.h"
#include "tensor/cpu/convolution/geometry.h"

/// The algorithms for convolutions in f32, among which algorithm_choice.h chooses. All take every
/// extent at least 1 and overwrite their last argument; `takes` says which geometries besides.
/// The channels of a grad_input's epilogue are dx's. x [N, H, W, C], w and dw [K, R, S, C /
/// groups], y and dy [N, P, Q, K], as Geometry has them. They throw DeviceError where memory to
/// work in is out, `onednn` Error too, where oneDNN fails.
namespace gradus::cpu::convolution {

/// Our own direct convolutions. A tile of sums is one output pixel of several images by some
/// channels, so that all its rows read the same taps: none on padding, nothing copied.
namespace direct {
bool takes_forward(const Geometry& g);
bool takes_grad_input(const Geometry& g);
bool takes_grad_weight(const Geometry& g);
/// Multiplications of channels by channels.
int64_t products(const Geometry& g);
void forward(const Geometry& g, const float* x, const float* w, const RawEpilogue& epilogue,
             float* y);
void grad_input(const Geometry& g, const float* w, const float* dy, const RawEpilogue& epilogue,
                float* dx);
void grad_weight(const Geometry& g, const float* x, const float* dy, float* dw);
}  // namespace direct

/// Winograd's (Lavin & Gray 2016; toom_cook.h): kernels of 3 x 3 with stride 1 or 2, and those
/// between quads (geometry.h), as the generator's transposed convolutions are. A third to two
/// thirds of the multiplications, at 2 to 4 times the rounding error.
namespace winograd {
bool takes(const Geometry& g);
/// Multiplications of channels by channels.
int64_t products(const Geometry& g);
/// Tiles of the batch, each a product's row.
int64_t tiles(const Geometry& g);
void forward(const Geometry& g, const float* x, const float* w, const RawEpilogue& epilogue,
             float* y);
void grad_input(const Geometry& g, const float* w, const float* dy, const RawEpilogue& epilogue,
                float* dx);
void grad_weight(const Geometry& g, const float* x, const float* dy, float* dw);
}  // namespace winograd

/// Winograd's between y and quads (geometry.h) of an x with at most 4 channels, where a vector
/// holds those of four pixels.
namespace few_channels {
bool takes_grad_input(const Geometry& g);
/// Multiplications by a channel of y.
int64_t products(const Geometry& g);
int64_t tiles(const Geometry& g);
void grad_input(const Geometry& g, const float* w, const float* dy, const RawEpilogue& epilogue,
                float* dx);
}  // namespace few_channels

/// oneDNN's direct convolutions, with the weights reordered at each call to the layout that the
/// library chooses.
namespace onednn {
/// Whether oneDNN can be trusted with the geometry: it wants no negative padding in front, less
/// than a stride of unread input behind, and no strides with kernels of 1 x 1.
bool takes(const Geometry& g);
void forward(const Geometry& g, const float* x, const float* w, const RawEpilogue& epilogue,
             float* y);
void grad_input(const Geometry& g, const float* w, const float* dy, const RawEpilogue& epilogue,
                float* dx);
void grad_weight(const Geometry& g, const float* x, const float* dy, float* dw);
}  // namespace onednn

/// Convolutions as products with the matrix of patches [N P Q, R S C] (Chellapilla et al. 2006),
/// for any plain geometry.
namespace im2col {
void forward(const Geometry& g, const float* x, const float* w, const RawEpilogue& epilogue,
             float* y);
void grad_input(const Geometry& g, const float* w, const float* dy, const RawEpilogue& epilogue,
                float* dx);
void grad_weight(const Geometry& g, const float* x, const float* dy, float* dw);
}  // namespace im2col

}  // namespace gradus::cpu::convolution
