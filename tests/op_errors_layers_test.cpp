#include "tests/op_errors.h"

using namespace gradus;

TEST_CASE("op errors: matmul and batch norm", "[ops][errors]") {
  const Var x = of({4, 3}), channels = of({3});
  check_all({
      {kShape, "matmul: a must be a matrix, got [3]", [&] { return matmul(channels, x); }},
      {kShape, "matmul: b must be a matrix, got [3]", [&] { return matmul(x, channels); }},
      {kShape, "matmul: [4, 3] times [4, 5]: inner extents 3 and 4 differ",
       [&] {
         return matmul(x, of({4, 5}));
       }},
      {kShape, "matmul: [4, 3] transposed times [3, 5]: inner extents 4 and 3 differ",
       [&] {
         return matmul(x, of({3, 5}), {.a = true});
       }},
      {kShape, "matmul: [4, 3] times [3, 5] transposed: inner extents 3 and 5 differ",
       [&] {
         return matmul(x, of({3, 5}), {.b = true});
       }},
      {kType, "matmul: operands are f32 and f64; convert one of them",
       [&] {
         return matmul(x, of({3, 5}, DType::f64));
       }},
      {kShape, "batch_norm: x must be [..., C] and not empty, got [3]",
       [&] { return batch_norm(channels, channels, channels, 1e-3); }},
      {kShape, "batch_norm: x must be [..., C] and not empty, got [0, 3]",
       [&] {
         return batch_norm(of({0, 3}), channels, channels, 1e-3);
       }},
      {kShape, "batch_norm: gamma and beta must be [3] for x [4, 3], got [3] and [4]",
       [&] { return batch_norm(x, channels, of({4}), 1e-3); }},
      {kType, "batch_norm: operands are f32 and f64; convert one of them",
       [&] { return batch_norm(x, of({3}, DType::f64), channels, 1e-3); }},
      {kShape, "batch_norm: the statistics must be [3] for x [4, 3], got [3] and []",
       [&] {
         return batch_norm_with(channels.value(), of({}).value(), x, channels, channels, 1e-3);
       }},
  });
}

TEST_CASE("op errors: convolutions", "[ops][errors]") {
  const Var x = of({2, 5, 6, 3}), w = of({4, 3, 3, 3}), wt = of({3, 3, 3, 4}), bias = of({4});
  const auto conv = [](const Var& x, const Var& w, const Var& bias, const ConvOptions& o = {}) {
    return [=] { return conv2d(x, w, bias, o); };
  };
  const auto transposed = [](const Var& x, const Var& w, const Var& bias,
                             const ConvOptions& o = {}) {
    return [=] { return conv_transpose2d(x, w, bias, o); };
  };
  check_all({
      {kShape, "conv2d: x must be [N, H, W, C], got [5, 6, 3]", conv(of({5, 6, 3}), w, bias)},
      {kShape, "conv2d: w must be [K, R, S, C], got [3, 3]", conv(x, of({3, 3}), bias)},
      {kShape, "conv2d: x [2, 5, 6, 3] has 3 channels, w [4, 3, 3, 2] = [K, R, S, C] reads 2",
       conv(x, of({4, 3, 3, 2}), bias)},
      {kShape, "conv2d: strides must be positive, got 0 and 1", conv(x, w, bias, {0, 1, {}})},
      {kShape, "conv2d: strides must be positive, got 2 and -1", conv(x, w, bias, {2, -1, {}})},
      {kShape, "conv2d: dilations must be positive, got 1 and 0",
       conv(x, w, bias, {.dilation_w = 0})},
      {kShape, "conv2d: groups must divide axis 0 of w [4, 3, 3, 3], got 3",
       conv(x, w, bias, {.groups = 3})},
      {kShape, "conv2d: groups must divide axis 0 of w [4, 3, 3, 3], got 0",
       conv(x, w, bias, {.groups = 0})},
      {kShape,
       "conv2d: x [2, 5, 6, 3] has 3 channels, w [4, 3, 3, 3] = [K, R, S, C / groups] reads 6",
       conv(x, w, bias, {.groups = 2})},
      {kShape, "conv2d: the kernel of w [4, 3, 3, 3] does not fit x [2, 5, 6, 3] with this padding",
       conv(x, w, bias, {1, 1, Padding::valid(), 3, 1})},
      {kShape, "conv2d: w [4, 0, 3, 3] is empty", conv(x, of({4, 0, 3, 3}), bias)},
      {kShape, "conv2d: paddings must not be negative, got 0, -1, 0, 0",
       conv(x, w, bias, {1, 1, Padding::of(0, -1, 0, 0)})},
      {kShape, "conv2d: bias must be [4], one a filter of w [4, 3, 3, 3], got [3]",
       conv(x, w, of({3}))},
      {kShape, "conv2d: the kernel of w [4, 6, 3, 3] does not fit x [2, 5, 6, 3] with this padding",
       conv(x, of({4, 6, 3, 3}), bias, {1, 1, Padding::valid()})},
      {kShape, "conv2d: the kernel of w [4, 3, 9, 3] does not fit x [2, 5, 6, 3] with this padding",
       conv(x, of({4, 3, 9, 3}), bias, {3, 3, Padding::of(0, 0, 1, 1)})},
      {kType, "conv2d: operands are f32 and f64; convert one of them",
       conv(x, of({4, 3, 3, 3}, DType::f64), bias)},
      {kType, "conv2d: operands are f32 and f64; convert one of them",
       conv(x, w, of({4}, DType::f64))},
      {kShape, "conv_transpose2d: w must be [C, R, S, K], got [3]", transposed(x, of({3}), bias)},
      {kShape,
       "conv_transpose2d: x [2, 5, 6, 3] has 3 channels, w [4, 3, 3, 3] = [C, R, S, K] reads 4",
       transposed(x, w, bias)},
      {kShape, "conv_transpose2d: strides must be positive, got 1 and 0",
       transposed(x, wt, bias, {1, 0, {}})},
      {kShape, "conv_transpose2d: bias must be [4], one a filter of w [3, 3, 3, 4], got [3]",
       transposed(x, wt, of({3}))},
      {kShape, "conv_transpose2d: bias must be [12], one a filter of w [3, 3, 3, 4], got [4]",
       transposed(x, wt, bias, {.groups = 3})},
      {kShape, "conv_transpose2d: groups must divide axis 0 of w [3, 3, 3, 4], got 2",
       transposed(x, wt, bias, {.groups = 2})},
      {kShape,
       "conv_transpose2d: the kernel of w [3, 1, 1, 4] does not fit x [1, 1, 2, 3] with this "
       "padding",
       transposed(of({1, 1, 2, 3}), of({3, 1, 1, 4}), bias, {1, 1, Padding::of(1, 1, 0, 0)})},
  });
}

TEST_CASE("op errors: pooling", "[ops][errors]") {
  const Var x = of({2, 5, 6, 3});
  check_all({
      {kShape, "max_pool2d: x must be [N, H, W, C], got [5, 6, 3]",
       [&] {
         return max_pool2d(of({5, 6, 3}));
       }},
      {kShape, "avg_pool2d: no channels in x [2, 5, 6, 0]",
       [&] {
         return avg_pool2d(of({2, 5, 6, 0}));
       }},
      {kShape, "max_pool2d: the kernel must be positive, got 0 x 2",
       [&] {
         return max_pool2d(x, {0, 2, 1, 1});
       }},
      {kShape, "max_pool2d: strides must be positive, got 1 and 0",
       [&] {
         return max_pool2d(x, {2, 2, 1, 0});
       }},
      {kShape,
       "avg_pool2d: paddings must not be negative and less than the kernel 2 x 3, got 0, 2, 0, 0",
       [&] {
         return avg_pool2d(x, {2, 3, 1, 1, Padding::of(0, 2, 0, 0)});
       }},
      {kShape,
       "max_pool2d: paddings must not be negative and less than the kernel 2 x 3, got 0, 0, -1, 0",
       [&] {
         return max_pool2d(x, {2, 3, 1, 1, Padding::of(0, 0, -1, 0)});
       }},
      {kShape, "avg_pool2d: the kernel 6 x 2 does not fit x [2, 5, 6, 3] with this padding",
       [&] {
         return avg_pool2d(x, {6, 2, 1, 1});
       }},
      {kShape, "max_pool2d: the kernel 2 x 9 does not fit x [2, 5, 6, 3] with this padding",
       [&] {
         return max_pool2d(x, {2, 9, 1, 1, Padding::of(0, 0, 1, 1)});
       }},
      {kType, "max_pool2d: needs f32 or f64, got u8",
       [&] {
         return max_pool2d(of({1, 2, 2, 1}, DType::u8));
       }},
      {kShape, "global_avg_pool2d: x must be [N, H, W, C], got [2, 3]",
       [&] {
         return global_avg_pool2d(of({2, 3}));
       }},
  });
}

TEST_CASE("op errors: cross-entropies and dropout", "[ops][errors]") {
  const Var x = of({4, 3});
  const Tensor labels = of({4, 3}).value(), wrong = of({3, 4}).value();
  check_all({
      {kShape, "softmax_cross_entropy: logits must be [N, C], got [3]",
       [&] { return softmax_cross_entropy(of({3}), of({3}).value()); }},
      {kShape, "softmax_cross_entropy: labels [3, 4] do not match logits [4, 3]",
       [&] { return softmax_cross_entropy(x, wrong); }},
      {kShape, "softmax_cross_entropy: no classes in [4, 0]",
       [&] {
         return softmax_cross_entropy(of({4, 0}), of({4, 0}).value());
       }},
      {kType, "softmax_cross_entropy: operands are f32 and f64; convert one of them",
       [&] { return softmax_cross_entropy(x, labels.to(DType::f64)); }},
      {kShape, "sigmoid_cross_entropy: cannot broadcast [4, 3] with [3, 4]",
       [&] { return sigmoid_cross_entropy(x, wrong); }},
      {kShape, "sigmoid_cross_entropy: labels [4, 3] do not match logits [3]",
       [&] { return sigmoid_cross_entropy(of({3}), labels); }},
      {kPlain, "dropout: the rate must lie in [0, 1), got 1", [&] { return dropout(x, 1, {}); }},
      {kPlain, "dropout: the rate must lie in [0, 1), got -0.1",
       [&] { return dropout(x, -0.1, {}); }},
      {kType, "dropout: needs f32 or f64, got u8",
       [&] { return dropout(of({2}, DType::u8), 0.5, {}); }},
  });
}

TEST_CASE("op errors: augmentation", "[ops][errors]") {
  const Var x = of({2, 4, 4, 3});
  check_all({
      {kShape, "augment: x must be [N, H, W, C], got [4, 4, 3]",
       [&] {
         return augment(of({4, 4, 3}), {}, {});
       }},
      {kType, "augment: needs f32 or f64, got u8",
       [&] {
         return augment(of({2, 4, 4, 3}, DType::u8), {}, {});
       }},
      {kPlain, "augment: shift must be a number of 0 or more, got -1",
       [&] { return augment(x, {.shift = -1}, {}); }},
      {kPlain, "augment: crop must be a number of 0 or more, got -2",
       [&] { return augment(x, {.crop = -2}, {}); }},
      {kPlain, "augment: gain must be a number of 0 or more, got inf",
       [&] { return augment(x, {.gain = std::numeric_limits<double>::infinity()}, {}); }},
      {kPlain, "augment: invert must lie in [0, 1], got 1.5",
       [&] { return augment(x, {.invert = 1.5}, {}); }},
      {kPlain, "augment: grey must lie in [0, 1], got nan",
       [&] { return augment(x, {.grey = std::nan("")}, {}); }},
      {kPlain,
       "augmentation blur: expected none, shift, affine, colour, invert, noise, cutout, flip, "
       "strong, or several with commas",
       [&] { augmentation("blur"); }},
  });
}

TEST_CASE("op errors: losses", "[ops][errors]") {
  const Var x = of({4, 3});
  check_all({
      {kShape, "l1_loss: the prediction [4, 3] and the target [3] differ in shape",
       [&] { return l1_loss(x, of({3})); }},
      {kShape, "mse_loss: the prediction [4, 3] and the target [] differ in shape",
       [&] { return mse_loss(x, of({})); }},
      {kType, "huber_loss: operands are f32 and f64; convert one of them",
       [&] {
         return huber_loss(x, of({4, 3}, DType::f64));
       }},
      {kPlain, "huber_loss: delta must be positive, got 0", [&] { return huber_loss(x, x, 0); }},
      {kShape, "mse_loss: nothing to reduce in [0, 3]",
       [&] {
         return mse_loss(of({0, 3}), of({0, 3}));
       }},
  });
}

TEST_CASE("op errors: layer norm", "[ops][errors]") {
  const Var x = of({4, 3});
  check_all({
      {kShape,
       "layer_norm: gamma must have the shape of x's last axes, not empty; x is [4, 3], gamma [4]",
       [&] { return layer_norm(x, of({4}), of({4}), 1e-5); }},
      {kShape,
       "layer_norm: gamma must have the shape of x's last axes, not empty; x is [4, 3], gamma []",
       [&] { return layer_norm(x, of({}), of({}), 1e-5); }},
      {kShape,
       "layer_norm: gamma must have the shape of x's last axes, not empty; x is [3], gamma [1, 3]",
       [&] {
         return layer_norm(of({3}), of({1, 3}), of({3}), 1e-5);
       }},
      {kShape, "layer_norm: gamma is [3], beta [4, 3]",
       [&] { return layer_norm(x, of({3}), x, 1e-5); }},
      {kType, "layer_norm: operands are f32 and f64; convert one of them",
       [&] { return layer_norm(x, of({3}), of({3}, DType::f64), 1e-5); }},
  });
}
