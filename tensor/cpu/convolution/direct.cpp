#include <algorithm>

#include "tensor/cpu/convolution/algorithms.h"
#include "tensor/cpu/parallel.h"
#include "tensor/cpu/scratch.h"
#include "tensor/cpu/tile.h"
#include "tensor/cpu/transpose.h"

namespace gradus::cpu::convolution::direct {
namespace {

/// One axis of a convolution: `out` outputs that read `in` inputs through `taps` taps.
struct Axis {
  int64_t in, out, taps, stride, pad;

  /// The taps of output p that lie in the input, at p * stride - pad + tap.
  Range taps_at(int64_t p) const {
    const int64_t first = p * stride - pad;
    return {std::max<int64_t>(0, -first), std::min(taps, in - first)};
  }
  /// The outputs whose tap t lies in the input.
  Range outputs_of(int64_t t) const {
    const int64_t first = pad - t, last = in - 1 + pad - t;
    return {first > 0 ? (first + stride - 1) / stride : 0,
            last < 0 ? 0 : std::min(out, last / stride + 1)};
  }
};

Axis rows_of(const Geometry& g) { return {g.h, g.p, g.r, g.stride_h, g.pad_top}; }
Axis columns_of(const Geometry& g) { return {g.w, g.q, g.s, g.stride_w, g.pad_left}; }

/// Calls fn(first image, images, row) for each group of a tile's images and each row of `rows`.
template <class Fn>
void for_each_group_row(const Geometry& g, int64_t rows, const Fn& fn) {
  const int64_t groups = (g.n + kTileRows - 1) / kTileRows;
  parallel_for(groups * rows, 1, [=, &g](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / rows * kTileRows;
      fn(image, std::min<int64_t>(kTileRows, g.n - image), i % rows);
    }
  });
}

/// Images over which a tap is summed up at a time: few enough that they stay in the second-level
/// cache while all taps pass over them, and enough to keep the sums in registers for long.
int64_t images_at_once(const Geometry& g) {
  constexpr int64_t kElements = 1 << 16;
  return std::max<int64_t>(1, kElements / (g.h * g.w * g.c + g.p * g.q * g.k));
}

/// Reads a float of each cache line of x in order, which caches foresee; strided reads they do not.
void warm(const float* x, int64_t n) {
  for (int64_t i = 0; i < n; i += 16) static_cast<void>(*static_cast<const volatile float*>(x + i));
}

/// sums [R S C, K] at tap r * S + s and some channels: x^T dy over some images, added to what was
/// there unless these images are the first.
void add_tap(const Geometry& g, int64_t tap, const Range& channels, const Range& images,
             const float* x, const float* dy, float* sums) {
  const int64_t r = tap / g.s, s = tap % g.s;
  const Range p = rows_of(g).outputs_of(r), q = columns_of(g).outputs_of(s);
  for_each_tile(channels.size(), g.k / kLanes, [&]<int kRows, int kVectors>(int64_t i, int64_t j) {
    Tile<kRows, kVectors> tile;
    tile.start(nullptr);
    const int64_t c = channels.begin + i;
    for (int64_t n = images.begin; n < images.end; ++n)
      for (int64_t row = p.begin; row < p.end; ++row) {
        const int64_t h = row * g.stride_h - g.pad_top + r;
        const int64_t v = q.begin * g.stride_w - g.pad_left + s;
        tile.add(q.size(), {x + ((n * g.h + h) * g.w + v) * g.c + c, 1, g.stride_w * g.c},
                 dy + ((n * g.p + row) * g.q + q.begin) * g.k + j * kLanes, g.k);
      }
    tile.for_each([&](int row, int v, Vector sum) {
      float* const to = sums + (tap * g.c + c + row) * g.k + (j + v) * kLanes;
      store(images.begin > 0 ? load(to) + sum : sum, to);
    });
  });
}

bool is_ordinary(const Geometry& g) { return g.is_plain() && g.pad_top >= 0 && g.pad_left >= 0; }
bool enough_images(const Geometry& g) { return g.n >= kTileRows; }

}  // namespace

bool takes_forward(const Geometry& g) {
  return is_ordinary(g) && enough_images(g) && g.k % kLanes == 0;
}
bool takes_grad_input(const Geometry& g) {
  return is_ordinary(g) && enough_images(g) && g.c % kLanes == 0;
}
bool takes_grad_weight(const Geometry& g) {
  return is_ordinary(g) && g.c >= kTileRows && g.k % kLanes == 0;
}

int64_t products(const Geometry& g) {
  const auto taps = [](const Axis& axis) {
    int64_t sum = 0;
    for (int64_t t = 0; t < axis.taps; ++t) sum += axis.outputs_of(t).size();
    return sum;
  };
  return g.n * taps(rows_of(g)) * taps(columns_of(g));
}

void forward(const Geometry& g, const float* x, const float* w, const RawEpilogue& epilogue,
             float* y) {
  const int64_t filter = g.r * g.s * g.c;
  const Scratch scratch(filter * g.k);
  float* const by_tap = scratch;  // [R, S, C, K]
  transpose(g.k, filter, w, by_tap);
  const int64_t x_image = g.h * g.w * g.c, y_image = g.p * g.q * g.k;
  for_each_group_row(g, g.p, [=, &g](int64_t image, int64_t images, int64_t p) {
    const Range r = rows_of(g).taps_at(p);
    for (int64_t q = 0; q < g.q; ++q) {
      // The taps of a row are one run of x.
      const Range s = columns_of(g).taps_at(q);
      const float* x0 = x + image * x_image +
                        ((p * g.stride_h - g.pad_top) * g.w + q * g.stride_w - g.pad_left) * g.c;
      float* const y0 = y + image * y_image + (p * g.q + q) * g.k;
      for_each_tile(images, g.k / kLanes, [&]<int kRows, int kVectors>(int64_t i, int64_t j) {
        Tile<kRows, kVectors> tile;
        tile.start(epilogue.bias ? epilogue.bias + j * kLanes : nullptr);
        for (int64_t t = r.begin; t < r.end; ++t)
          tile.add(s.size() * g.c, {x0 + i * x_image + (t * g.w + s.begin) * g.c, x_image, 1},
                   by_tap + (t * g.s + s.begin) * g.c * g.k + j * kLanes, g.k);
        tile.for_each([&](int row, int v, Vector sum) {
          store(epilogue.activation(sum), y0 + (i + row) * y_image + (j + v) * kLanes);
        });
      });
    }
  });
}

void grad_input(const Geometry& g, const float* w, const float* dy, const RawEpilogue& epilogue,
                float* dx) {
  const int64_t x_image = g.h * g.w * g.c, y_image = g.p * g.q * g.k, filter = g.r * g.s * g.c;
  for_each_group_row(g, g.h, [=, &g](int64_t image, int64_t images, int64_t h) {
    for (int64_t v = 0; v < g.w; ++v) {
      float* const dx0 = dx + image * x_image + (h * g.w + v) * g.c;
      for_each_tile(images, g.c / kLanes, [&]<int kRows, int kVectors>(int64_t i, int64_t j) {
        Tile<kRows, kVectors> tile;
        tile.start(epilogue.bias ? epilogue.bias + j * kLanes : nullptr);
        // Output (p, q) has read this pixel by tap (r, s) where p * stride = h + pad - r.
        for (int64_t r = (h + g.pad_top) % g.stride_h; r < g.r; r += g.stride_h) {
          const int64_t p = (h + g.pad_top - r) / g.stride_h;
          if (r > h + g.pad_top || p >= g.p) continue;
          for (int64_t s = (v + g.pad_left) % g.stride_w; s < g.s; s += g.stride_w) {
            const int64_t q = (v + g.pad_left - s) / g.stride_w;
            if (s > v + g.pad_left || q >= g.q) continue;
            tile.add(g.k, {dy + (image + i) * y_image + (p * g.q + q) * g.k, y_image, 1},
                     w + (r * g.s + s) * g.c + j * kLanes, filter);
          }
        }
        tile.for_each([&](int row, int k, Vector sum) {
          store(epilogue.activation(sum), dx0 + (i + row) * x_image + (j + k) * kLanes);
        });
      });
    }
  });
}

void grad_weight(const Geometry& g, const float* x, const float* dy, float* dw) {
  const int64_t filter = g.r * g.s * g.c, blocks = (g.c + kTileRows - 1) / kTileRows;
  const Scratch scratch(filter * g.k);
  float* const by_tap = scratch;  // [R, S, C, K]
  // Each job is a tap and some channels of x.
  parallel_for(g.r * g.s * blocks, 1, [=, &g](int64_t begin, int64_t end) {
    for (int64_t image = 0; image < g.n; image += images_at_once(g)) {
      const Range images{image, std::min(g.n, image + images_at_once(g))};
      const int64_t x_image = g.h * g.w * g.c;
      warm(x + image * x_image, images.size() * x_image);
      for (int64_t job = begin; job < end; ++job) {
        const int64_t c = job % blocks * kTileRows;
        add_tap(g, job / blocks, {c, std::min<int64_t>(c + kTileRows, g.c)}, images, x, dy, by_tap);
      }
    }
  });
  transpose(filter, g.k, by_tap, dw);
}

}  // namespace gradus::cpu::convolution::direct
