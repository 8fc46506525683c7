#include <omp.h>

#include <algorithm>

#include "tensor/cpu/convolution/algorithms.h"
#include "tensor/cpu/matmul.h"
#include "tensor/cpu/parallel.h"
#include "tensor/cpu/scratch.h"

namespace gradus::cpu::convolution::im2col {
namespace {

int64_t pixels(const Geometry& g) { return g.p * g.q; }
int64_t patch(const Geometry& g) { return g.r * g.s * g.c; }

/// Calls fn(input, patches, length) for each run of elements that lies in the input and in a patch
/// of output row p of one image: offsets into the image and into the row's patches [Q, R, S, C].
template <class Fn>
void for_each_run(const Geometry& g, int64_t p, Fn&& fn) {
  const int64_t top = p * g.stride_h - g.pad_top;
  const int64_t r0 = std::max<int64_t>(0, -top), r1 = std::min(g.r, g.h - top);
  for (int64_t q = 0; q < g.q; ++q) {
    const int64_t left = q * g.stride_w - g.pad_left;
    const int64_t s0 = std::max<int64_t>(0, -left), s1 = std::min(g.s, g.w - left);
    if (s0 >= s1) continue;
    for (int64_t r = r0; r < r1; ++r)
      fn(((top + r) * g.w + left + s0) * g.c, ((q * g.r + r) * g.s + s0) * g.c, (s1 - s0) * g.c);
  }
}

/// Images whose patches are held at a time: enough work for a product, few enough for the cache.
int64_t images_at_once(const Geometry& g) {
  constexpr int64_t kElementsPerThread = 1 << 18;
  const int64_t images = omp_get_max_threads() * kElementsPerThread / (pixels(g) * patch(g));
  return std::clamp<int64_t>(images, 1, g.n);
}

void gather(const Geometry& g, int64_t images, const float* x, float* columns) {
  const int64_t row = g.q * patch(g);
  parallel_for(images * g.p, kGrain / row + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float* image = x + i / g.p * g.h * g.w * g.c;
      float* out = columns + i * row;
      if (g.pad_top > 0 || g.pad_left > 0 || g.pad_bottom() > 0 || g.pad_right() > 0)
        std::fill_n(out, row, 0.f);
      for_each_run(g, i % g.p, [&](int64_t from, int64_t to, int64_t length) {
        std::copy_n(image + from, length, out + to);
      });
    }
  });
}

/// The adjoint of gather, and the epilogue.
void scatter(const Geometry& g, int64_t images, const float* columns, const RawEpilogue& epilogue,
             float* dx) {
  const int64_t width = g.w * g.c;
  parallel_for(images, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* image = dx + i * g.h * width;
      for (int64_t j = 0; j < width; ++j) image[j] = epilogue.bias ? epilogue.bias[j % g.c] : 0;
      for (int64_t h = 1; h < g.h; ++h) std::copy_n(image, width, image + h * width);
      for (int64_t p = 0; p < g.p; ++p) {
        const float* row = columns + (i * g.p + p) * g.q * patch(g);
        for_each_run(g, p, [&](int64_t to, int64_t from, int64_t length) {
          for (int64_t j = 0; j < length; ++j) image[to + j] += row[from + j];
        });
      }
      apply_epilogue(g.h * g.w, g.c, {nullptr, epilogue.activation}, image);
    }
  });
}

/// Calls fn(first image, images, columns) for the batch in parts.
template <class Fn>
void for_each_part(const Geometry& g, Fn&& fn) {
  const int64_t step = images_at_once(g);
  const Scratch columns(step * pixels(g) * patch(g));
  for (int64_t i = 0; i < g.n; i += step) fn(i, std::min(step, g.n - i), columns);
}

}  // namespace

void forward(const Geometry& g, const float* x, const float* w, const RawEpilogue& epilogue,
             float* y) {
  for_each_part(g, [&](int64_t i, int64_t images, float* columns) {
    gather(g, images, x + i * g.h * g.w * g.c, columns);
    sgemm(false, true, images * pixels(g), g.k, patch(g), columns, w, 0, y + i * pixels(g) * g.k);
    apply_epilogue(images * pixels(g), g.k, epilogue, y + i * pixels(g) * g.k);
  });
}

void grad_input(const Geometry& g, const float* w, const float* dy, const RawEpilogue& epilogue,
                float* dx) {
  for_each_part(g, [&](int64_t i, int64_t images, float* columns) {
    sgemm(false, false, images * pixels(g), patch(g), g.k, dy + i * pixels(g) * g.k, w, 0, columns);
    scatter(g, images, columns, epilogue, dx + i * g.h * g.w * g.c);
  });
}

void grad_weight(const Geometry& g, const float* x, const float* dy, float* dw) {
  for_each_part(g, [&](int64_t i, int64_t images, float* columns) {
    gather(g, images, x + i * g.h * g.w * g.c, columns);
    sgemm(true, false, g.k, patch(g), images * pixels(g), dy + i * pixels(g) * g.k, columns,
          i > 0 ? 1 : 0, dw);
  });
}

}  // namespace gradus::cpu::convolution::im2col
