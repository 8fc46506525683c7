#pragma once

#include <span>

#include "tensor/augment.h"
#include "tensor/binary_functions.h"
#include "tensor/elementwise.h"
#include "tensor/random.h"
#include "tensor/reduction.h"
#include "tensor/tensor.h"
#include "tensor/update.h"

namespace gradus {

/// A convolution's geometry beside its shapes: output (p, q) reads the input rows
/// p * stride_h - pad_top + r * dilation_h, columns q * stride_w - pad_left + s * dilation_w. What
/// is padded at the bottom and on the right follows from the shapes. With groups, the C channels of
/// the input and the K of the output fall into as many equal runs, and a run reads its own alone.
struct ConvParams {
  int stride_h = 1, stride_w = 1;
  int pad_top = 0, pad_left = 0;
  int dilation_h = 1, dilation_w = 1;
  int groups = 1;
  bool operator==(const ConvParams&) const = default;
};

/// Output (p, q) of a pooling covers the input rows p * stride_h - pad_top + r, r in [0, kernel_h),
/// and columns likewise, as far as they lie in the image; some do.
struct PoolParams {
  int kernel_h = 1, kernel_w = 1;
  int stride_h = 1, stride_w = 1;
  int pad_top = 0, pad_left = 0;
};

/// What becomes of a convolution's sums: activation(sum + bias), bias an element a channel of the
/// sums, or undefined.
struct Epilogue {
  Tensor bias;
  Activation activation = {};
};

/// What batch norm makes of an x [..., C]: gamma * (x - mean) / sqrt(variance + epsilon) + beta,
/// all [C] (Ioffe & Szegedy 2015).
struct Normalization {
  Tensor mean, variance, gamma, beta;
  double epsilon;
};

/// The sizes of a matmul: `count` products [M, K] [K, N], whose operands lie so many elements
/// apart.
struct MatrixBatch {
  MatrixBatch(bool transpose_a, const Tensor& a, const Tensor& b, const Tensor& c)
      : m(c.shape()[-2]),
        k(a.shape()[transpose_a ? -2 : -1]),
        n(c.shape()[-1]),
        count(c.shape().rank() == 3 ? c.shape()[0] : 1),
        step_a(a.count() == m * k ? 0 : m * k),
        step_b(b.count() == k * n ? 0 : k * n) {}
  int64_t m, k, n, count, step_a, step_b;
};

/// One parameter's tensors in an optimiser's update: same shape and dtype. m and v are undefined
/// where the update does not use them.
struct UpdateSlot {
  Tensor value, grad, m, v;
};

/// What a device computes: a function a kernel, which each device overrides; one that lacks a
/// kernel does not compile. Callers have checked shapes and dtypes and have allocated the outputs
/// (last parameters, not const); a kernel computes. Unless stated, tensors are f32 or f64 and all
/// of one dtype. Kernels are called through Backend, whose members have their names.
class KernelContract {
 public:
  virtual ~KernelContract() = default;

  virtual void copy_from_host(const void* host, void* device, size_t bytes) = 0;
  virtual void copy_to_host(const void* device, void* host, size_t bytes) = 0;
  virtual void copy(const void* from, void* to, size_t bytes) = 0;

  /// Any dtype; the value converted as by a C++ cast.
  virtual void fill(double value, Tensor& y) = 0;
  /// Any two dtypes, as by C++ casts.
  virtual void cast(const Tensor& x, Tensor& y) = 0;
  /// y = low + (high - low) * u, u in [0, 1) as an f32; element i takes word i % 4 of block i / 4.
  virtual void fill_uniform(const Draw& draw, double low, double high, Tensor& y) = 0;
  /// y = mean + stddev * z, z by Box & Muller 1958 on words (0, 1) and (2, 3) of a block, computed
  /// in f64 and rounded to f32.
  virtual void fill_normal(const Draw& draw, double mean, double stddev, Tensor& y) = 0;

  /// y may be x.
  virtual void unary(const UnaryFn& fn, const Tensor& x, Tensor& y) = 0;
  /// dx = dy * df(x, y); x or y is undefined where fn does not save it.
  virtual void unary_backward(const UnaryFn& fn, const Tensor& x, const Tensor& y, const Tensor& dy,
                              Tensor& dx) = 0;
  /// y = fn(a, b); a and b broadcast to y's shape.
  virtual void binary(const BinaryFn& fn, const Tensor& a, const Tensor& b, Tensor& y) = 0;
  /// y has x's shape but for axes of extent 1 (or missing in front), which are reduced.
  virtual void reduce(Reduction op, const Tensor& x, Tensor& y) = 0;
  /// y, of x's shape: what `kind` says of each element among those of its row. The elements of a
  /// row differ in the axes of extent 1 (or missing in front) of `rows`, whose others are x's.
  virtual void softmax(Softmax kind, const Shape& rows, const Tensor& x, Tensor& y) = 0;
  /// The largest elements of each row of x [..., C], in falling order, and their i32 indices ->
  /// values, index [..., K]; of equal ones that with the lower index is first. NaN is the largest.
  virtual void top_k(const Tensor& x, Tensor& values, Tensor& index) = 0;

  /// c [M, N] = op(a) [M, K] op(b) [K, N], op a transpose where asked. Or a batch of such products,
  /// c [B, M, N]: a and b are [B, ...] or, where all of them read the same, [1, ...].
  virtual void matmul(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b,
                      Tensor& c) = 0;
  /// y [N, P, Q, K] = x [N, H, W, C] * w [K, R, S, C / groups], a cross-correlation, and the
  /// epilogue.
  virtual void conv(const ConvParams& p, const Tensor& x, const Tensor& w, const Epilogue& epilogue,
                    Tensor& y) = 0;
  /// dx [N, H, W, C] from w and dy [N, P, Q, K], and the epilogue, whose bias is [C]: the adjoint
  /// of conv in x, and so also the forward transposed convolution.
  virtual void conv_grad_input(const ConvParams& p, const Tensor& w, const Tensor& dy,
                               const Epilogue& epilogue, Tensor& dx) = 0;
  /// dw [K, R, S, C / groups] from x [N, H, W, C] and dy [N, P, Q, K].
  virtual void conv_grad_weight(const ConvParams& p, const Tensor& x, const Tensor& dy,
                                Tensor& dw) = 0;
  /// dx [..., K] = dy * df(y), y being what the epilogue's activation gave, and dbias [K] its sum
  /// over all other axes. dx may be dy.
  virtual void epilogue_backward(const Activation& activation, const Tensor& y, const Tensor& dy,
                                 Tensor& dx, Tensor& dbias) = 0;

  /// y [N, P, Q, C]: the largest of x [N, H, W, C] in each window; NaN is the largest. tap i32
  /// [N, P, Q, C]: the first of the window's r * kernel_w + s that holds it.
  virtual void max_pool(const PoolParams& p, const Tensor& x, Tensor& y, Tensor& tap) = 0;
  /// dx [N, H, W, C]: the sum of dy over the windows whose tap an element is.
  virtual void max_pool_backward(const PoolParams& p, const Tensor& tap, const Tensor& dy,
                                 Tensor& dx) = 0;

  /// mean [C] and biased variance [C] of x [..., C] over all other axes.
  virtual void moments(const Tensor& x, Tensor& mean, Tensor& variance) = 0;
  /// y = activation(what n makes of x).
  virtual void normalize(const Normalization& n, const Activation& activation, const Tensor& x,
                         Tensor& y) = 0;
  /// The gradients of both, dx [..., C], dgamma and dbeta [C], where mean and variance are those of
  /// x. y is undefined where the activation is Identity. dx may be dy.
  virtual void normalize_backward(const Normalization& n, const Activation& activation,
                                  const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx,
                                  Tensor& dgamma, Tensor& dbeta) = 0;
  /// Of logits and labels [N, C]: loss [N] = - sum_c labels * log(softmax(logits)), and totals f64
  /// [N, 2], log(sum_c exp(logits)) in the two parts of a LogTotal. Labels of 0 count 0.
  virtual void softmax_cross_entropy(const Tensor& logits, const Tensor& labels, Tensor& loss,
                                     Tensor& totals) = 0;
  /// dlogits = dy [N] * (softmax(logits) - labels).
  virtual void softmax_cross_entropy_backward(const Tensor& logits, const Tensor& labels,
                                              const Tensor& totals, const Tensor& dy,
                                              Tensor& dlogits) = 0;
  /// dlogits = dy * (sigmoid(logits) - labels); labels broadcast. Forward it is a `binary`.
  virtual void sigmoid_cross_entropy_backward(const Tensor& logits, const Tensor& labels,
                                              const Tensor& dy, Tensor& dlogits) = 0;
  /// y = x / (1 - rate) where element i's uniform (as in fill_uniform) is at least rate, else 0.
  virtual void dropout(const Draw& draw, double rate, const Tensor& x, Tensor& y) = 0;

  /// rows [N, augment_width(C)] for images of the shape [N, H, W, C] (tensor/augment.h).
  virtual void draw_augmentation(const Augmentation& a, const Draw& draw, const Shape& images,
                                 Tensor& rows) = 0;
  /// y [N, H, W, C]: the images x changed as the rows, drawn from the same draw, say.
  virtual void augment(const Augmentation& a, const Draw& draw, const Tensor& rows, const Tensor& x,
                       Tensor& y) = 0;
  /// dx from dy: the adjoint in x where y, undefined unless a.clamp, is within (-1, 1); 0
  /// elsewhere.
  virtual void augment_backward(const Augmentation& a, const Tensor& rows, const Tensor& y,
                                const Tensor& dy, Tensor& dx) = 0;

  /// Copies x[..., x_begin : x_begin + length, ...] of `axis` to y from y_begin on; the other
  /// extents agree. Any dtype.
  virtual void copy_slice(const Tensor& x, int axis, int64_t x_begin, int64_t y_begin,
                          int64_t length, Tensor& y) = 0;
  /// y[i, j, ...] is x's element number first + i * steps[0] + j * steps[1] + ..., a step an axis
  /// of y; any dtype.
  virtual void copy_strided(const Tensor& x, int64_t first, std::span<const int64_t> steps,
                            Tensor& y) = 0;
  /// y[i, ...] = scale * x[index[i], ...] + shift; index i32 [M] within [0, rows). x of any dtype,
  /// y f32 or f64, or of x's dtype with scale 1 and shift 0.
  virtual void gather(const Tensor& x, const Tensor& index, double scale, double shift,
                      Tensor& y) = 0;
  /// dx[index[i], ...] += dy[i, ...] in the order of i, on a dx of zeros.
  virtual void gather_backward(const Tensor& index, const Tensor& dy, Tensor& dx) = 0;
  /// y [N, depth]: 1 at (i, index[i]), index i32 [N], else 0; a row whose index is out of range is
  /// all 0.
  virtual void one_hot(const Tensor& index, Tensor& y) = 0;

  /// Adds 1 to an i32 [].
  virtual void increment(Tensor& counter) = 0;
  /// One step of an optimiser, in place, for each element of each slot. lr f64 [], t i32 [] (1 in
  /// the first step); 0 where undefined.
  virtual void update(const UpdateFn& fn, const Tensor& lr, const Tensor& t,
                      std::span<UpdateSlot> slots) = 0;

 protected:
  /// y = activation(y), by `unary`: for kernels that end with one.
  void activate(const Activation& activation, Tensor& y);
};

}  // namespace gradus
