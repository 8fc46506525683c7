#include <cstring>

#include "tensor/cpu/convolution/geometry.h"
#include "tensor/cpu/parallel.h"
#include "tensor/cpu/reference.h"

namespace gradus::cpu {
namespace {

struct Geometry : convolution::Geometry {
  int64_t reads;  ///< channels of x that an output reads: w is [K, R, S, reads]

  Geometry(const ConvParams& params, const Shape& x, const Shape& weight, const Shape& y)
      : convolution::Geometry(params, x, weight, y), reads(weight[3]) {}

  int64_t filter() const { return r * s * reads; }
  /// The first channel of x that output channel `out` reads.
  int64_t first_channel(int64_t out) const { return groups == 1 ? 0 : out / (k / groups) * reads; }
};

/// Calls fn(x offset, w offset without the filter, y offset without the filter) for every output
/// position of image `n` and every tap that lies inside the input.
template <class Fn>
void for_each_tap(const Geometry& g, int64_t n, const Fn& fn) {
  for (int64_t p = 0; p < g.p; ++p)
    for (int64_t q = 0; q < g.q; ++q)
      for (int64_t r = 0; r < g.r; ++r) {
        const int64_t ih = p * g.stride_h - g.pad_top + r * g.dilation_h;
        if (ih < 0 || ih >= g.h) continue;
        for (int64_t s = 0; s < g.s; ++s) {
          const int64_t iw = q * g.stride_w - g.pad_left + s * g.dilation_w;
          if (iw < 0 || iw >= g.w) continue;
          fn(((n * g.h + ih) * g.w + iw) * g.c, (r * g.s + s) * g.reads,
             ((n * g.p + p) * g.q + q) * g.k);
        }
      }
}

template <class T>
T dot(const T* a, const T* b, int64_t n) {
  T sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

template <class T>
void add_scaled(T scale, const T* x, T* y, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] += scale * x[i];
}

template <class T>
void start_with_bias(const Tensor& bias, T* y, int64_t rows, int64_t channels) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t c = 0; c < channels; ++c)
      y[i * channels + c] = bias.defined() ? bias.data<T>()[c] : T(0);
}

}  // namespace

void Reference::conv(const ConvParams& cp, const Tensor& x, const Tensor& w,
                     const Epilogue& epilogue, Tensor& y) {
  const Geometry g(cp, x.shape(), w.shape(), y.shape());
  visit_float(x.dtype(), [&]<class T>(T) {
    const T *vx = x.data<T>(), *vw = w.data<T>();
    T* vy = y.mutable_data<T>();
    parallel_for(g.n, 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        start_with_bias(epilogue.bias, vy + n * g.p * g.q * g.k, g.p * g.q, g.k);
        for_each_tap(g, n, [&](int64_t at_x, int64_t at_w, int64_t at_y) {
          for (int64_t k = 0; k < g.k; ++k)
            vy[at_y + k] +=
                dot(vx + at_x + g.first_channel(k), vw + k * g.filter() + at_w, g.reads);
        });
      }
    });
  });
  activate(epilogue.activation, y);
}

void Reference::conv_grad_input(const ConvParams& cp, const Tensor& w, const Tensor& dy,
                                const Epilogue& epilogue, Tensor& dx) {
  const Geometry g(cp, dx.shape(), w.shape(), dy.shape());
  visit_float(dy.dtype(), [&]<class T>(T) {
    const T *vw = w.data<T>(), *vdy = dy.data<T>();
    T* vdx = dx.mutable_data<T>();
    parallel_for(g.n, 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        start_with_bias(epilogue.bias, vdx + n * g.h * g.w * g.c, g.h * g.w, g.c);
        for_each_tap(g, n, [&](int64_t at_x, int64_t at_w, int64_t at_y) {
          for (int64_t k = 0; k < g.k; ++k)
            add_scaled(vdy[at_y + k], vw + k * g.filter() + at_w, vdx + at_x + g.first_channel(k),
                       g.reads);
        });
      }
    });
  });
  activate(epilogue.activation, dx);
}

void Reference::conv_grad_weight(const ConvParams& cp, const Tensor& x, const Tensor& dy,
                                 Tensor& dw) {
  const Geometry g(cp, x.shape(), dw.shape(), dy.shape());
  visit_float(dy.dtype(), [&]<class T>(T) {
    const T *vx = x.data<T>(), *vdy = dy.data<T>();
    T* vdw = dw.mutable_data<T>();
    fill(0, dw);
    parallel_for(g.k, 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = 0; n < g.n; ++n)
        for_each_tap(g, n, [&](int64_t at_x, int64_t at_w, int64_t at_y) {
          for (int64_t k = begin; k < end; ++k)
            add_scaled(vdy[at_y + k], vx + at_x + g.first_channel(k), vdw + k * g.filter() + at_w,
                       g.reads);
        });
    });
  });
}

void Reference::matmul(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b,
                       Tensor& c) {
  const MatrixBatch p(transpose_a, a, b, c);
  const int64_t m = p.m, k = p.k, n = p.n;
  fill(0, c);
  visit_float(c.dtype(), [&]<class T>(T) {
    T* const out = c.mutable_data<T>();
    for (int64_t batch = 0; batch < p.count; ++batch) {
      const T *va = a.data<T>() + batch * p.step_a, *vb = b.data<T>() + batch * p.step_b;
      T* vc = out + batch * m * n;
      parallel_for(m, kGrain / (n * k + 1) + 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          for (int64_t l = 0; l < k; ++l) {
            const T scale = va[transpose_a ? l * m + i : i * k + l];
            if (!transpose_b)
              add_scaled(scale, vb + l * n, vc + i * n, n);
            else
              for (int64_t j = 0; j < n; ++j) vc[i * n + j] += scale * vb[j * k + l];
          }
      });
    }
  });
}

}  // namespace gradus::cpu
