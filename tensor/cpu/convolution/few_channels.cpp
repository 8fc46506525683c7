#include <algorithm>

#include "tensor/cpu/convolution/algorithms.h"
#include "tensor/cpu/convolution/toom_cook.h"
#include "tensor/cpu/parallel.h"
#include "tensor/cpu/scratch.h"
#include "tensor/cpu/vector.h"

namespace gradus::cpu::convolution::few_channels {
namespace {

constexpr int kMostChannels = 4;

/// The convolution of 3 x 3 taps between y and quads, whose channels are those of four pixels and
/// what fills the last vector up.
Geometry between_quads(const Geometry& g) {
  Geometry inner = g;
  inner.h = g.p;
  inner.w = g.q;
  inner.c = (4 * g.c + kLanes - 1) / kLanes * kLanes;
  inner.r = inner.s = 3;
  inner.stride_h = inner.stride_w = inner.pad_top = inner.pad_left = 1;
  return inner;
}

/// filters [K, 3, 3, inner.c], which are 0 before.
void copy_filters(const Geometry& g, const Geometry& inner, const float* w, float* filters) {
  for (int64_t k = 0; k < g.k; ++k)
    for (int64_t r = 0; r < g.r; ++r)
      for (int64_t s = 0; s < g.s; ++s, w += g.c) {
        const QuadTap row = quad_tap(r, g.pad_top), column = quad_tap(s, g.pad_left);
        std::copy_n(w, g.c,
                    filters + ((k * 3 + row.tap) * 3 + column.tap) * inner.c +
                        (2 * row.pixel + column.pixel) * g.c);
      }
}

/// x [N, H, W, kChannels] from quads [N, H / 2, W / 2, inner.c].
template <int kChannels>
void copy_pixels(const Geometry& g, const Geometry& inner, const float* quads, float* x) {
  parallel_for(g.n * inner.h, 1, [=, &inner](int64_t begin, int64_t end) {
    const int64_t row = 2 * inner.w * kChannels;
    for (int64_t i = begin; i < end; ++i)
      for (int64_t j = 0; j < inner.w; ++j) {
        const float* const quad = quads + (i * inner.w + j) * inner.c;
        float* const pixels = x + 2 * (i * row + j * kChannels);
        std::copy_n(quad, 2 * kChannels, pixels);
        std::copy_n(quad + 2 * kChannels, 2 * kChannels, pixels + row);
      }
  });
}

}  // namespace

bool takes_grad_input(const Geometry& g) {
  return g.c <= kMostChannels && g.is_plain() && g.has_quads() && winograd::takes(between_quads(g));
}

int64_t products(const Geometry& g) {
  const Geometry inner = between_quads(g);
  return winograd::products(inner) * inner.c;
}

int64_t tiles(const Geometry& g) { return winograd::tiles(between_quads(g)); }

void grad_input(const Geometry& g, const float* w, const float* dy, const RawEpilogue& epilogue,
                float* dx) {
  const Geometry inner = between_quads(g);
  const int64_t filters_size = inner.k * 9 * inner.c;
  const Scratch filters(filters_size), bias(inner.c), quads(g.n * inner.h * inner.w * inner.c);
  std::fill_n(static_cast<float*>(filters), filters_size, 0.f);
  std::fill_n(static_cast<float*>(bias), inner.c, 0.f);
  copy_filters(g, inner, w, filters);
  if (epilogue.bias)
    for (int64_t pixel = 0; pixel < 4; ++pixel) std::copy_n(epilogue.bias, g.c, bias + pixel * g.c);
  winograd::grad_input(inner, filters, dy, {bias, epilogue.activation}, quads);
  unrolled<kMostChannels>([&]<int i>() {
    if (g.c == i + 1) copy_pixels<i + 1>(g, inner, quads, dx);
  });
}

}  // namespace gradus::cpu::convolution::few_channels
