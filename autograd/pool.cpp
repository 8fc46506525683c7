#include "autograd/pool.h"

#include <algorithm>

#include "autograd/checks.h"
#include "autograd/conv.h"
#include "autograd/elementwise.h"
#include "autograd/reduce.h"
#include "autograd/result.h"
#include "autograd/window.h"
#include "tensor/backend.h"

namespace gradus {
namespace {

struct Windows {
  WindowPositions h, w;
};

Windows windows(const char* operation, const Var& x, const PoolOptions& o) {
  require_float(operation, x);
  require_rank(operation, "x", x.shape(), 4, "[N, H, W, C]");
  require<ShapeError>(x.shape()[3] > 0, "{}: no channels in x {}", operation, x.shape());
  require<ShapeError>(o.kernel_h > 0 && o.kernel_w > 0,
                      "{}: the kernel must be positive, got {} x {}", operation, o.kernel_h,
                      o.kernel_w);
  require_strides(operation, o.stride_h, o.stride_w);
  const auto& [kind, top, bottom, left, right] = o.padding;
  require<ShapeError>(std::min({top, bottom, left, right}) >= 0 &&
                          std::max(top, bottom) < o.kernel_h && std::max(left, right) < o.kernel_w,
                      "{}: paddings must not be negative and less than the kernel {} x {}, got {}, "
                      "{}, {}, {}",
                      operation, o.kernel_h, o.kernel_w, top, bottom, left, right);
  const Windows all{window_positions(kind, top, bottom, x.shape()[1], o.kernel_h, o.stride_h),
                    window_positions(kind, left, right, x.shape()[2], o.kernel_w, o.stride_w)};
  require<ShapeError>(all.h.count > 0 && all.w.count > 0,
                      "{}: the kernel {} x {} does not fit x {} with this padding", operation,
                      o.kernel_h, o.kernel_w, x.shape());
  return all;
}

/// Sums over windows: a convolution by ones, each channel a group.
Var window_sums(const Var& x, const PoolOptions& o) {
  const int64_t c = x.shape()[3];
  const Tensor ones = Tensor::full({c, o.kernel_h, o.kernel_w, 1}, 1, x.dtype(), x.device());
  return conv2d(x, ones, {}, {o.stride_h, o.stride_w, o.padding, 1, 1, static_cast<int>(c)});
}

}  // namespace

Var max_pool2d(const Var& x, const PoolOptions& o) {
  const auto [h, w] = windows("max_pool2d", x, o);
  const PoolParams p{o.kernel_h, o.kernel_w, o.stride_h, o.stride_w, h.pad_before, w.pad_before};
  Tensor y = result("max_pool2d", {x.shape()[0], h.count, w.count, x.shape()[3]}, x);
  Tensor tap = result("max_pool2d", y.shape(), DType::i32, x.device());
  backend(y).max_pool(p, x.value(), y, tap);
  return Tape::record("max_pool2d", {x}, y,
                      [p, tap, shape = x.shape()](const Tensor& dy, GradSink& grads) {
                        Tensor dx(shape, dy.dtype(), dy.device());
                        backend(dy).max_pool_backward(p, tap, dy, dx);
                        grads.add(0, dx);
                      });
}

Var avg_pool2d(const Var& x, const PoolOptions& o, Divisor divisor) {
  const Composite name("avg_pool2d");
  windows("avg_pool2d", x, o);
  if (divisor == Divisor::taps) return window_sums(x, o) / (o.kernel_h * o.kernel_w);
  const Shape image{1, x.shape()[1], x.shape()[2], 1};
  return window_sums(x, o) / window_sums(Tensor::full(image, 1, x.dtype(), x.device()), o);
}

Var global_avg_pool2d(const Var& x) {
  const Composite name("global_avg_pool2d");
  require_float("global_avg_pool2d", x);
  require_rank("global_avg_pool2d", "x", x.shape(), 4, "[N, H, W, C]");
  return mean(x, {1, 2});
}

}  // namespace gradus
