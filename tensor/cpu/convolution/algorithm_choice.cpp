#include "tensor/cpu/convolution/algorithm_choice.h"

#include <algorithm>

#include "tensor/cpu/convolution/algorithms.h"
#include "tensor/cpu/vector.h"

// Where nothing else is said, measured on one core of an Intel Xeon (Sapphire Rapids) with oneDNN
// 2.6.3, a batch of 128 and the layers of apps/ssgan; "AVX2" is the same core with both sides held
// to AVX2.

namespace gradus::cpu::convolution {
namespace {

/// Our kernels have what vectors the compiler was told of; oneDNN finds the processor's when it
/// runs. Ours with SSE2 take 2 to 3 times as long as its AVX2.
constexpr bool kWide = kLanes >= 8;

/// Times of our direct kernels by oneDNN's, with 64 channels and more: forward and grad_input .66
/// to .99 with AVX-512, .73 to .97 with AVX2; grad_weight .77 to .91 and .97 to 1.38. Gradients of
/// 32 channels and fewer: 1 to 1.8.
bool forward_pays(const Geometry& g) { return kWide && direct::takes_forward(g); }
bool grad_input_pays(const Geometry& g) {
  return kWide && g.c >= 64 && direct::takes_grad_input(g);
}
bool grad_weight_pays(const Geometry& g) {
  return kLanes >= 16 && g.k >= 64 && direct::takes_grad_weight(g);
}

double share(double part, int64_t n) { return part / static_cast<double>(n); }
double filters_share(int64_t tiles) { return share(6, std::min<int64_t>(tiles, 64)); }

/// Winograd's time by that of our direct kernels is its products by theirs times a factor for what
/// it does besides: a share a channel of either image for the images, a share a tile for the
/// filters (none more from 64 tiles on, where it is small). Fitted on an AMD EPYC (Zen 4) to 230
/// layers of 16 to 256 channels, of batches from 6 on, with AVX-512 and AVX2: from .27 to 3.5 times
/// the time, and where it decides wrongly, the algorithm taken is mostly slower by less than a
/// tenth.
bool winograd_pays(const Geometry& g) {
  if (!kWide || !winograd::takes(g)) return false;
  const double besides = 1.1 + share(4, g.c * g.stride_h * g.stride_w) + share(4, g.k) +
                         filters_share(winograd::tiles(g));
  return static_cast<double>(winograd::products(g)) * besides <
         static_cast<double>(direct::products(g));
}

/// oneDNN 2.6's direct kernels are slow for a few output pixels. Measured for 3 x 3 kernels, 128
/// channels and 2 x 2 pixels, AVX-512 and AVX2: im2col products are 1.3 to 1.4 times as fast,
/// 2.2 times for grad_weight.
bool few_pixels(const Geometry& g) { return g.p * g.q <= 4; }

/// Its grad_input fills vectors with channels of dx: with a few, most lanes idle. Measured with
/// AVX-512: im2col products are 3 times as fast with 3 channels, 1.5 times with 8, slower with
/// 16; with AVX2 twice, about equal, slower.
bool too_few_channels(const Geometry& g) { return g.c <= 8; }

/// With up to 4 channels a multiplication of Winograd's between quads takes as long as one of
/// im2col products, with what either does besides, when there are tiles enough.
bool few_channels_pay(const Geometry& g) {
  if (!kWide || !few_channels::takes_grad_input(g)) return false;
  return static_cast<double>(few_channels::products(g)) *
             (1 + filters_share(few_channels::tiles(g))) <
         static_cast<double>(g.n * g.p * g.q * g.r * g.s * g.c);
}

Algorithm choose(const Geometry& g, bool direct, bool onednn_is_slow) {
  if (winograd_pays(g)) return Algorithm::winograd;
  if (direct) return Algorithm::direct;
  return g.is_plain() && (onednn_is_slow || !onednn::takes(g)) ? Algorithm::im2col
                                                               : Algorithm::onednn;
}

}  // namespace

Algorithm forward_algorithm(const Geometry& g) { return choose(g, forward_pays(g), few_pixels(g)); }
Algorithm grad_input_algorithm(const Geometry& g) {
  if (few_channels_pay(g)) return Algorithm::few_channels;
  return choose(g, grad_input_pays(g), few_pixels(g) || too_few_channels(g));
}
Algorithm grad_weight_algorithm(const Geometry& g) {
  return choose(g, grad_weight_pays(g), few_pixels(g));
}

}  // namespace gradus::cpu::convolution
