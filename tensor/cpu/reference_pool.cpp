#include "tensor/cpu/parallel.h"
#include "tensor/cpu/reference.h"
#include "tensor/nan_order.h"

namespace gradus::cpu {
namespace {

/// The numbers of one axis.
struct Axis {
  int64_t in, out;
  int kernel, stride, pad;

  int64_t first_row(int64_t p) const { return p * stride - pad; }
  /// The windows that cover row i: [first, last).
  int64_t first_window(int64_t i) const {
    return std::max<int64_t>(0, (i + pad - kernel + stride) / stride);
  }
  int64_t last_window(int64_t i) const { return std::min(out, (i + pad) / stride + 1); }
};

struct Geometry {
  Axis h, w;
  int64_t n, c;

  Geometry(const PoolParams& p, const Shape& x, const Shape& y)
      : h{x[1], y[1], p.kernel_h, p.stride_h, p.pad_top},
        w{x[2], y[2], p.kernel_w, p.stride_w, p.pad_left},
        n(x[0]),
        c(x[3]) {}
};

/// y and tap become x and t where x is larger.
template <class T>
void keep_larger(const T* x, int32_t t, int64_t n, T* y, int32_t* tap) {
  for (int64_t i = 0; i < n; ++i) {
    const bool larger = is_larger(x[i], y[i]);
    y[i] = larger ? x[i] : y[i];
    tap[i] = larger ? t : tap[i];
  }
}

template <class T>
void pool_window(const Geometry& g, const T* image, int64_t p, int64_t q, T* y, int32_t* tap) {
  const int64_t top = g.h.first_row(p), left = g.w.first_row(q);
  bool first = true;
  for (int r = 0; r < g.h.kernel; ++r)
    for (int s = 0; s < g.w.kernel; ++s) {
      const int64_t i = top + r, j = left + s;
      if (i < 0 || i >= g.h.in || j < 0 || j >= g.w.in) continue;
      const T* x = image + (i * g.w.in + j) * g.c;
      const int32_t t = r * g.w.kernel + s;
      if (first) {
        std::copy_n(x, g.c, y);
        std::fill_n(tap, g.c, t);
      } else {
        keep_larger(x, t, g.c, y, tap);
      }
      first = false;
    }
}

}  // namespace

void Reference::max_pool(const PoolParams& params, const Tensor& x, Tensor& y, Tensor& tap) {
  const Geometry g(params, x.shape(), y.shape());
  visit_float(x.dtype(), [&]<class T>(T) {
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    int32_t* at = tap.mutable_data<int32_t>();
    const int64_t row = g.w.out * g.c;
    parallel_for(g.n * g.h.out, kGrain / (row + 1) + 1, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        for (int64_t q = 0; q < g.w.out; ++q)
          pool_window(g, in + i / g.h.out * g.h.in * g.w.in * g.c, i % g.h.out, q,
                      out + i * row + q * g.c, at + i * row + q * g.c);
    });
  });
}

void Reference::max_pool_backward(const PoolParams& params, const Tensor& tap, const Tensor& dy,
                                  Tensor& dx) {
  const Geometry g(params, dx.shape(), dy.shape());
  visit_float(dy.dtype(), [&]<class T>(T) {
    const T* grad = dy.data<T>();
    const int32_t* at = tap.data<int32_t>();
    T* out = dx.mutable_data<T>();
    parallel_for(g.n * g.h.in, kGrain / (g.w.in * g.c + 1) + 1, [=](int64_t begin, int64_t end) {
      std::fill(out + begin * g.w.in * g.c, out + end * g.w.in * g.c, T(0));
      for (int64_t i = begin; i < end; ++i)
        for (int64_t j = 0; j < g.w.in; ++j)
          for (int64_t p = g.h.first_window(i % g.h.in); p < g.h.last_window(i % g.h.in); ++p)
            for (int64_t q = g.w.first_window(j); q < g.w.last_window(j); ++q) {
              const int64_t r = i % g.h.in - g.h.first_row(p), s = j - g.w.first_row(q);
              const int32_t t = static_cast<int32_t>(r * g.w.kernel + s);
              const int64_t from = (((i / g.h.in) * g.h.out + p) * g.w.out + q) * g.c;
              T* to = out + (i * g.w.in + j) * g.c;
              for (int64_t c = 0; c < g.c; ++c) to[c] += at[from + c] == t ? grad[from + c] : T(0);
            }
    });
  });
}

}  // namespace gradus::cpu
