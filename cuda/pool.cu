#include "cuda/grid.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "tensor/nan_order.h"

namespace gradus::cuda {
namespace {

struct Window {
  PoolParams p;
  int64_t h, w, channels, out_h, out_w;
};

/// A thread an output: the first of the largest in its window, and which it was.
template <class T>
__global__ void max_pool_kernel(Window g, int64_t count, const T* x, T* y, int32_t* tap) {
  for (int64_t i = first_item(); i < count; i += item_stride()) {
    const int64_t c = i % g.channels, q = i / g.channels % g.out_w;
    const int64_t p = i / g.channels / g.out_w % g.out_h;
    const int64_t image = i / g.channels / g.out_w / g.out_h;
    const int64_t top = p * g.p.stride_h - g.p.pad_top, left = q * g.p.stride_w - g.p.pad_left;
    T best = 0;
    int32_t from = -1;
    for (int r = 0; r < g.p.kernel_h; ++r)
      for (int s = 0; s < g.p.kernel_w; ++s) {
        const int64_t row = top + r, column = left + s;
        if (row < 0 || row >= g.h || column < 0 || column >= g.w) continue;
        const T v = x[((image * g.h + row) * g.w + column) * g.channels + c];
        if (from >= 0 && !is_larger(v, best)) continue;
        best = v;
        from = r * g.p.kernel_w + s;
      }
    y[i] = best;
    tap[i] = from;
  }
}

/// A thread an input adds up the windows that took it, in their order.
template <class T>
__global__ void max_pool_backward_kernel(Window g, int64_t count, const int32_t* tap, const T* dy,
                                         T* dx) {
  for (int64_t i = first_item(); i < count; i += item_stride()) {
    const int64_t c = i % g.channels, column = i / g.channels % g.w;
    const int64_t row = i / g.channels / g.w % g.h;
    const int64_t image = i / g.channels / g.w / g.h;
    T sum = 0;
    for (int r = g.p.kernel_h - 1; r >= 0; --r)
      for (int s = g.p.kernel_w - 1; s >= 0; --s) {
        const int64_t down = row + g.p.pad_top - r, right = column + g.p.pad_left - s;
        if (down < 0 || right < 0 || down % g.p.stride_h || right % g.p.stride_w) continue;
        const int64_t p = down / g.p.stride_h, q = right / g.p.stride_w;
        if (p >= g.out_h || q >= g.out_w) continue;
        const int64_t at = ((image * g.out_h + p) * g.out_w + q) * g.channels + c;
        if (tap[at] == r * g.p.kernel_w + s) sum += dy[at];
      }
    dx[i] = sum;
  }
}

Window window_of(const PoolParams& p, const Shape& x, const Shape& y) {
  return {p, x[1], x[2], x[3], y[1], y[2]};
}

}  // namespace

void Kernels::max_pool(const PoolParams& p, const Tensor& x, Tensor& y, Tensor& tap) {
  visit_float(x.dtype(), [&]<class T>(T) {
    launch_over("max_pool_kernel", stream(), y.count(), max_pool_kernel<T>,
                window_of(p, x.shape(), y.shape()), y.count(), x.data<T>(), y.mutable_data<T>(),
                tap.mutable_data<int32_t>());
  });
}

void Kernels::max_pool_backward(const PoolParams& p, const Tensor& tap, const Tensor& dy,
                                Tensor& dx) {
  visit_float(dy.dtype(), [&]<class T>(T) {
    launch_over("max_pool_backward_kernel", stream(), dx.count(), max_pool_backward_kernel<T>,
                window_of(p, dx.shape(), dy.shape()), dx.count(), tap.data<int32_t>(), dy.data<T>(),
                dx.mutable_data<T>());
  });
}

}  // namespace gradus::cuda
