#include "autograd/conv.h"

#include "autograd/checks.h"
#include "autograd/fusion.h"
#include "autograd/reduce.h"
#include "autograd/window.h"
#include "tensor/backend.h"

namespace gradus {
namespace {

/// One axis of a transposed convolution: in -> out.
WindowPositions transposed_positions(Padding::Kind kind, int before, int after, int64_t in,
                                     int64_t kernel, int stride) {
  if (kind == Padding::Kind::same)
    return {in * stride, same_pad_before(in * stride, in, kernel, stride)};
  return {(in - 1) * stride + kernel - before - after, before};
}

/// Pixels from a kernel's first tap to its last.
int64_t covered(int64_t taps, int dilation) { return (taps - 1) * dilation + 1; }

ConvParams params(const ConvOptions& o, const WindowPositions& h, const WindowPositions& w) {
  return {o.stride_h, o.stride_w, h.pad_before, w.pad_before, o.dilation_h, o.dilation_w, o.groups};
}

void check_operands(const char* operation, const Var& x, const Var& w, const char* w_axes,
                    const ConvOptions& o) {
  require_alike(operation, x, w);
  require_rank(operation, "x", x.shape(), 4, "[N, H, W, C]");
  require_rank(operation, "w", w.shape(), 4, w_axes);
  require<ShapeError>(w.shape().count() > 0, "{}: w {} is empty", operation, w.shape());
  require_strides(operation, o.stride_h, o.stride_w);
  require<ShapeError>(o.dilation_h > 0 && o.dilation_w > 0,
                      "{}: dilations must be positive, got {} and {}", operation, o.dilation_h,
                      o.dilation_w);
  const Padding& pad = o.padding;
  require<ShapeError>(pad.top >= 0 && pad.bottom >= 0 && pad.left >= 0 && pad.right >= 0,
                      "{}: paddings must not be negative, got {}, {}, {}, {}", operation, pad.top,
                      pad.bottom, pad.left, pad.right);
  require<ShapeError>(o.groups > 0 && w.shape()[0] % o.groups == 0,
                      "{}: groups must divide axis 0 of w {}, got {}", operation, w.shape(),
                      o.groups);
}

/// `in` and `out` are the channels that w stands for.
void check_channels(const char* operation, const Var& x, const Var& w, const Var& bias,
                    const char* w_axes, int64_t in, int64_t out) {
  require<ShapeError>(x.shape()[3] == in, "{}: x {} has {} channels, w {} = {} reads {}", operation,
                      x.shape(), x.shape()[3], w.shape(), w_axes, in);
  if (!bias.defined()) return;
  require_alike(operation, x, bias);
  require<ShapeError>(bias.shape() == Shape{out},
                      "{}: bias must be [{}], one a filter of w {}, got {}", operation, out,
                      w.shape(), bias.shape());
}

void require_output(const char* operation, const WindowPositions& h, const WindowPositions& w,
                    const Var& x, const Var& weight) {
  require<ShapeError>(h.count > 0 && w.count > 0,
                      "{}: the kernel of w {} does not fit x {} with this padding", operation,
                      weight.shape(), x.shape());
}

using Operands = std::vector<Saved>;
Operands operands(const Var& x, const Var& w, const Var& bias) {
  return {{"x", x.value()}, {"w", w.value()}, {"bias", bias.value()}};
}

/// Gives the bias its gradient; returns that of the sums before the epilogue.
Tensor through_epilogue(const Gradient& g, GradSink& grads) {
  if (!grads.wants(2)) return g.applied();
  // The sum of one channel is one over everything, which is taken in parts of its own.
  if (is_identity(g.activation) || g.dy.shape()[3] == 1) {
    const Tensor dy = g.applied();
    grads.add(2, sum(dy, {0, 1, 2}));
    return dy;
  }
  Tensor dy = reused(g.dy), dbias({dy.shape()[3]}, dy.dtype(), dy.device());
  backend(dy).epilogue_backward(g.activation, g.y, g.dy, dy, dbias);
  grads.add(2, dbias);
  return dy;
}

}  // namespace

Var conv2d(const Var& x, const Var& w, const Var& bias, const ConvOptions& o) {
  const char* axes = o.groups > 1 ? "[K, R, S, C / groups]" : "[K, R, S, C]";
  check_operands("conv2d", x, w, axes, o);
  const Padding& pad = o.padding;
  const Shape sx = x.shape(), sw = w.shape();
  check_channels("conv2d", x, w, bias, axes, sw[3] * o.groups, sw[0]);
  const int64_t rows = covered(sw[1], o.dilation_h), columns = covered(sw[2], o.dilation_w);
  const WindowPositions h =
      window_positions(pad.kind, pad.top, pad.bottom, sx[1], rows, o.stride_h);
  const WindowPositions q =
      window_positions(pad.kind, pad.left, pad.right, sx[2], columns, o.stride_w);
  require_output("conv2d", h, q, x, w);
  const ConvParams p = params(o, h, q);
  const Operands in = operands(x, w, bias);
  return record_fused(
      "conv2d", {x, w, bias}, in, {sx[0], h.count, q.count, sw[0]},
      [p](auto in, const Activation& activation, Tensor& y) {
        backend(y).conv(p, in[0], in[1], {in[2], activation}, y);
      },
      [p, sx, sw, x = in[0], w = in[1]](const Gradient& g, GradSink& grads) {
        const Tensor dy = through_epilogue(g, grads);
        if (grads.wants(0)) {
          Tensor dx(sx, dy.dtype(), dy.device());
          backend(dy).conv_grad_input(p, grads.read(w), dy, {}, dx);
          grads.add(0, dx);
        }
        if (grads.wants(1)) {
          Tensor dw(sw, dy.dtype(), dy.device());
          backend(dy).conv_grad_weight(p, grads.read(x), dy, dw);
          grads.add(1, dw);
        }
      });
}

Var conv_transpose2d(const Var& x, const Var& w, const Var& bias, const ConvOptions& o) {
  const char* axes = o.groups > 1 ? "[C, R, S, K / groups]" : "[C, R, S, K]";
  check_operands("conv_transpose2d", x, w, axes, o);
  const Padding& pad = o.padding;
  const Shape sx = x.shape(), sw = w.shape();
  check_channels("conv_transpose2d", x, w, bias, axes, sw[0], sw[3] * o.groups);
  const int64_t rows = covered(sw[1], o.dilation_h), columns = covered(sw[2], o.dilation_w);
  const WindowPositions h =
      transposed_positions(pad.kind, pad.top, pad.bottom, sx[1], rows, o.stride_h);
  const WindowPositions q =
      transposed_positions(pad.kind, pad.left, pad.right, sx[2], columns, o.stride_w);
  require_output("conv_transpose2d", h, q, x, w);
  const ConvParams p = params(o, h, q);
  const Operands in = operands(x, w, bias);
  return record_fused(
      "conv_transpose2d", {x, w, bias}, in, {sx[0], h.count, q.count, sw[3] * o.groups},
      [p](auto in, const Activation& activation, Tensor& y) {
        backend(y).conv_grad_input(p, in[1], in[0], {in[2], activation}, y);
      },
      [p, sx, sw, x = in[0], w = in[1]](const Gradient& g, GradSink& grads) {
        const Tensor dy = through_epilogue(g, grads);
        if (grads.wants(0)) {
          Tensor dx(sx, dy.dtype(), dy.device());
          backend(dy).conv(p, dy, grads.read(w), {}, dx);
          grads.add(0, dx);
        }
        if (grads.wants(1)) {
          Tensor dw(sw, dy.dtype(), dy.device());
          backend(dy).conv_grad_weight(p, dy, grads.read(x), dw);
          grads.add(1, dw);
        }
      });
}

}  // namespace gradus
