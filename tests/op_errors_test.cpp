#include <functional>
#include <limits>
#include <typeinfo>

#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "tests/catch.h"

using namespace gradus;

namespace {

struct BadCall {
  const std::type_info& type;
  const char* message;
  std::function<void()> call;
};

/// A constant of that shape.
Var of(const Shape& shape, DType dtype = DType::f32) { return Tensor::full(shape, 0.5, dtype); }
Tensor index(std::initializer_list<int32_t> values) {
  return Tensor::from(values, {static_cast<int64_t>(values.size())});
}

void check_all(const std::vector<BadCall>& table) {
  for (const auto& [type, message, call] : table) {
    INFO(message);
    try {
      call();
      FAIL_CHECK("nothing was thrown");
    } catch (const std::exception& e) {
      CHECK(std::string(e.what()) == message);
      CHECK(std::string(typeid(e).name()) == type.name());
    }
  }
}

const std::type_info &kShape = typeid(ShapeError), &kType = typeid(TypeError),
                     &kPlain = typeid(Error), &kTape = typeid(TapeError);

}  // namespace

TEST_CASE("op errors: element-wise", "[ops][errors]") {
  const Var f32 = of({2, 3}), f64 = of({2, 3}, DType::f64), i32 = of({2, 3}, DType::i32);
  check_all({
      {kShape, "add: cannot broadcast [2, 3] with [4]", [&] { f32 + of({4}); }},
      {kShape, "sub: cannot broadcast [2, 3] with [2]", [&] { f32 - of({2}); }},
      {kShape, "mul: cannot broadcast [2, 3] with [3, 2]",
       [&] {
         f32* of({3, 2});
       }},
      {kShape, "div: cannot broadcast [4] with [2, 3]", [&] { of({4}) / f32; }},
      {kShape, "maximum: cannot broadcast [2, 3] with [0]", [&] { maximum(f32, of({0})); }},
      {kShape, "equal: cannot broadcast [2, 3] with [4, 3]",
       [&] {
         equal(f32, of({4, 3}));
       }},
      {kType, "add: operands are f32 and f64; convert one of them", [&] { f32 + f64; }},
      {kType, "mul: operands are f64 and f32; convert one of them", [&] { f64* f32; }},
      {kType, "div: operands are f32 and i32; convert one of them", [&] { f32 / i32; }},
      {kType, "sub: needs f32 or f64, got i32", [&] { i32 - i32; }},
      {kType, "exp: needs f32 or f64, got i32", [&] { exp(i32); }},
      {kType, "affine: needs f32 or f64, got u8", [&] { of({2}, DType::u8) + 1; }},
      {kType, "maximum: needs f32 or f64, got i32", [&] { maximum(i32, 0); }},
      {kPlain, "leaky_relu: the slope must lie in (0, 1), got 0", [&] { leaky_relu(f32, 0); }},
      {kPlain, "leaky_relu: the slope must lie in (0, 1), got 1", [&] { leaky_relu(f32, 1); }},
      {kPlain, "leaky_relu: the slope must lie in (0, 1), got -0.2",
       [&] { leaky_relu(f32, -0.2); }},
      {kPlain, "leaky_relu: the slope must lie in (0, 1), got nan",
       [&] { leaky_relu(f32, std::numeric_limits<double>::quiet_NaN()); }},
      {kPlain, "tanh: an operand is undefined", [&] { tanh(Var()); }},
      {kPlain, "add: an operand is undefined", [&] { f32 + Var(); }},
  });
}

TEST_CASE("op errors: reductions", "[ops][errors]") {
  const Var x = of({2, 3}), empty = of({0, 3}), i32 = of({2}, DType::i32);
  check_all({
      {kShape, "sum: axis 2 is outside a tensor of rank 2", [&] { sum(x, {2}); }},
      {kShape, "mean: axis -3 is outside a tensor of rank 2",
       [&] {
         mean(x, {0, -3});
       }},
      {kShape, "max: axis 0 is outside a tensor of rank 0", [&] { max(of({}), {0}); }},
      {kShape, "logsumexp: axis 1 is named twice",
       [&] {
         logsumexp(x, {1, -1});
       }},
      {kShape, "softmax: axis 2 is outside a tensor of rank 2", [&] { softmax(x, 2); }},
      {kShape, "log_softmax: axis -3 is outside a tensor of rank 2", [&] { log_softmax(x, -3); }},
      {kShape, "mean: nothing to reduce in [0, 3]", [&] { mean(empty); }},
      {kShape, "max: nothing to reduce in [0, 3]", [&] { max(empty, {0}); }},
      {kShape, "logsumexp: nothing to reduce in [0, 3]", [&] { logsumexp(empty); }},
      {kType, "sum: needs f32 or f64, got i32", [&] { sum(i32); }},
      {kShape, "argmax: no last axis in []", [&] { argmax(of({}).value()); }},
      {kShape, "argmax: no last axis in [2, 0]",
       [&] {
         argmax(of({2, 0}).value());
       }},
      {kShape, "top_k: k must lie in [1, 3] for [2, 3], got 4", [&] { top_k(x.value(), 4); }},
      {kShape, "top_k: k must lie in [1, 3] for [2, 3], got 0", [&] { top_k(x.value(), 0); }},
      {kShape, "top_k: no last axis in []", [&] { top_k(of({}).value(), 1); }},
      {kType, "top_k: needs f32 or f64, got i32", [&] { top_k(i32.value(), 1); }},
      {kType, "argmax: needs f32 or f64, got i32", [&] { argmax(i32.value()); }},
  });
}

TEST_CASE("op errors: matmul and batch norm", "[ops][errors]") {
  const Var x = of({4, 3}), channels = of({3});
  check_all({
      {kShape, "matmul: a must be a matrix, got [3]", [&] { matmul(channels, x); }},
      {kShape, "matmul: b must be a matrix, got [1, 3, 2]",
       [&] {
         matmul(x, of({1, 3, 2}));
       }},
      {kShape, "matmul: [4, 3] times [4, 5]: inner extents 3 and 4 differ",
       [&] {
         matmul(x, of({4, 5}));
       }},
      {kShape, "matmul: [4, 3] transposed times [3, 5]: inner extents 4 and 3 differ",
       [&] {
         matmul(x, of({3, 5}), {.a = true});
       }},
      {kShape, "matmul: [4, 3] times [3, 5] transposed: inner extents 3 and 5 differ",
       [&] {
         matmul(x, of({3, 5}), {.b = true});
       }},
      {kType, "matmul: operands are f32 and f64; convert one of them",
       [&] {
         matmul(x, of({3, 5}, DType::f64));
       }},
      {kShape, "batch_norm: x must be [..., C] and not empty, got [3]",
       [&] { batch_norm(channels, channels, channels, 1e-3); }},
      {kShape, "batch_norm: x must be [..., C] and not empty, got [0, 3]",
       [&] {
         batch_norm(of({0, 3}), channels, channels, 1e-3);
       }},
      {kShape, "batch_norm: gamma and beta must be [3] for x [4, 3], got [3] and [4]",
       [&] { batch_norm(x, channels, of({4}), 1e-3); }},
      {kType, "batch_norm: operands are f32 and f64; convert one of them",
       [&] { batch_norm(x, of({3}, DType::f64), channels, 1e-3); }},
      {kShape, "batch_norm: the statistics must be [3] for x [4, 3], got [3] and []",
       [&] { batch_norm_with(channels.value(), of({}).value(), x, channels, channels, 1e-3); }},
  });
}

TEST_CASE("op errors: convolutions", "[ops][errors]") {
  const Var x = of({2, 5, 6, 3}), w = of({4, 3, 3, 3}), wt = of({3, 3, 3, 4}), bias = of({4});
  const auto conv = [](const Var& x, const Var& w, const Var& bias, const ConvOptions& o = {}) {
    return [=] { conv2d(x, w, bias, o); };
  };
  const auto transposed = [](const Var& x, const Var& w, const Var& bias,
                             const ConvOptions& o = {}) {
    return [=] { conv_transpose2d(x, w, bias, o); };
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
         max_pool2d(of({5, 6, 3}));
       }},
      {kShape, "avg_pool2d: no channels in x [2, 5, 6, 0]",
       [&] {
         avg_pool2d(of({2, 5, 6, 0}));
       }},
      {kShape, "max_pool2d: the kernel must be positive, got 0 x 2",
       [&] {
         max_pool2d(x, {0, 2, 1, 1});
       }},
      {kShape, "max_pool2d: strides must be positive, got 1 and 0",
       [&] {
         max_pool2d(x, {2, 2, 1, 0});
       }},
      {kShape,
       "avg_pool2d: paddings must not be negative and less than the kernel 2 x 3, got 0, 2, 0, 0",
       [&] {
         avg_pool2d(x, {2, 3, 1, 1, Padding::of(0, 2, 0, 0)});
       }},
      {kShape,
       "max_pool2d: paddings must not be negative and less than the kernel 2 x 3, got 0, 0, -1, 0",
       [&] {
         max_pool2d(x, {2, 3, 1, 1, Padding::of(0, 0, -1, 0)});
       }},
      {kShape, "avg_pool2d: the kernel 6 x 2 does not fit x [2, 5, 6, 3] with this padding",
       [&] {
         avg_pool2d(x, {6, 2, 1, 1});
       }},
      {kShape, "max_pool2d: the kernel 2 x 9 does not fit x [2, 5, 6, 3] with this padding",
       [&] {
         max_pool2d(x, {2, 9, 1, 1, Padding::of(0, 0, 1, 1)});
       }},
      {kType, "max_pool2d: needs f32 or f64, got u8",
       [&] {
         max_pool2d(of({1, 2, 2, 1}, DType::u8));
       }},
      {kShape, "global_avg_pool2d: x must be [N, H, W, C], got [2, 3]",
       [&] {
         global_avg_pool2d(of({2, 3}));
       }},
  });
}

TEST_CASE("op errors: cross-entropies and dropout", "[ops][errors]") {
  const Var x = of({4, 3});
  const Tensor labels = of({4, 3}).value(), wrong = of({3, 4}).value();
  check_all({
      {kShape, "softmax_cross_entropy: logits must be [N, C], got [3]",
       [&] { softmax_cross_entropy(of({3}), of({3}).value()); }},
      {kShape, "softmax_cross_entropy: labels [3, 4] do not match logits [4, 3]",
       [&] { softmax_cross_entropy(x, wrong); }},
      {kType, "softmax_cross_entropy: operands are f32 and f64; convert one of them",
       [&] { softmax_cross_entropy(x, labels.to(DType::f64)); }},
      {kShape, "sigmoid_cross_entropy: cannot broadcast [4, 3] with [3, 4]",
       [&] { sigmoid_cross_entropy(x, wrong); }},
      {kShape, "sigmoid_cross_entropy: labels [4, 3] do not match logits [3]",
       [&] { sigmoid_cross_entropy(of({3}), labels); }},
      {kPlain, "dropout: the rate must lie in [0, 1), got 1", [&] { dropout(x, 1, {}); }},
      {kPlain, "dropout: the rate must lie in [0, 1), got -0.1", [&] { dropout(x, -0.1, {}); }},
      {kType, "dropout: needs f32 or f64, got u8", [&] { dropout(of({2}, DType::u8), 0.5, {}); }},
  });
}

TEST_CASE("op errors: shaping", "[ops][errors]") {
  const Var x = of({2, 3}), f64 = of({2, 3}, DType::f64);
  check_all({
      {kShape, "reshape: 6 elements of [2, 3] do not fill [4]", [&] { reshape(x, {4}); }},
      {kShape, "slice: axis 2 is outside a tensor of rank 2", [&] { slice(x, 2, 0, 1); }},
      {kShape, "slice: [2, 1) is not within axis 1 of [2, 3]", [&] { slice(x, -1, 2, 1); }},
      {kShape, "slice: [0, 3) is not within axis 0 of [2, 3]", [&] { slice(x, 0, 0, 3); }},
      {kShape, "slice: [-1, 1) is not within axis 0 of [2, 3]", [&] { slice(x, 0, -1, 1); }},
      {kShape, "concat: nothing to join", [&] { concat({}, 0); }},
      {kShape, "concat: [2, 3] and [2, 4] do not join along axis 0",
       [&] {
         concat({x, of({2, 4})}, 0);
       }},
      {kShape, "concat: [2, 3] and [3] do not join along axis 0",
       [&] {
         concat({x, of({3})}, 0);
       }},
      {kType, "concat: parts are f32 and f64",
       [&] {
         concat({x, f64}, 0);
       }},
      {kShape, "concat: axis -3 is outside a tensor of rank 2",
       [&] {
         concat({x, x}, -3);
       }},
      {kShape, "gather: index 2 is outside [0, 2)",
       [&] {
         gather(x, index({0, 2}));
       }},
      {kShape, "gather: index -1 is outside [0, 2)", [&] { gather(x, index({-1})); }},
      {kType, "gather: the index must be i32, got f32", [&] { gather(x, of({2}).value()); }},
      {kShape, "gather: the index must be [N], got []", [&] { gather(x, index({0}).reshape({})); }},
      {kShape, "gather: x must have rows, got []", [&] { gather(of({}), index({0})); }},
      {kShape, "one_hot: index 10 is outside [0, 10)",
       [&] { one_hot(index({10}), 10, DType::f32); }},
      {kShape, "one_hot: the depth must be positive, got 0",
       [&] { one_hot(index({0}), 0, DType::f32); }},
      {kType, "one_hot: the index must be i32, got f32",
       [&] { one_hot(of({2}).value(), 3, DType::f32, OutOfRange::zero_row); }},
      {kType, "one_hot: needs f32 or f64, got i32",
       [&] { one_hot(index({0}), 3, DType::i32, OutOfRange::zero_row); }},
  });
}

TEST_CASE("op errors: shapes and gradcheck", "[ops][errors]") {
  const auto itself = [](const std::vector<Var>& in) { return in[0]; };
  check_all({
      {kShape, "shape: rank 7 exceeds 6",
       [] {
         Shape({1, 1, 1, 1, 1, 1, 1});
       }},
      {kShape, "shape: extent -2 of axis 1 is negative",
       [] {
         Shape({3, -2});
       }},
      {kShape, "shape: [4294967296, 4294967296] has too many elements",
       [] {
         Shape({int64_t{1} << 32, int64_t{1} << 32});
       }},
      {kType, "gradcheck: inputs must be f64, got f32",
       [&] { gradcheck(itself, {of({2}).value()}); }},
  });
}

TEST_CASE("op errors: tapes", "[tape][errors]") {
  const auto tape = Tape::make(), other = Tape::make();
  const Tensor one = of({}).value(), three = of({3}).value();
  const Var a = tape->watch(one), b = other->watch(one), vector = tape->watch(three);
  const Var loss = sum(vector * vector);
  const auto gradients = [](const auto& tape, const Var& loss, const Var& target) {
    return [=] { tape->gradients(loss, std::vector{target}); };
  };
  check_all({
      {kTape, "add: its inputs are on two tapes", [&] { a + b; }},
      {kTape, "concat: its inputs are on two tapes",
       [&] {
         concat({vector, Tape::make()->watch(three)}, 0);
       }},
      {kTape, "gradients: the loss is not on this tape", gradients(tape, b, a)},
      {kTape, "gradients: the loss is not on this tape", gradients(tape, one, a)},
      {kTape, "gradients: a target is not on this tape", gradients(tape, loss, b)},
      {kTape, "gradients: a target is not on this tape", gradients(tape, loss, vector.detach())},
      {kShape, "gradients: the loss has shape [3], not one element",
       gradients(tape, vector, vector)},
      {kType, "watch: gradients need f32 or f64, got i32",
       [&] { tape->watch(of({2}, DType::i32).value()); }},
  });
  CHECK(tape->gradients(loss, std::vector{vector}).size() == 1);
  check_all(
      {{kTape, "gradients: what sum had saved was freed by an earlier call; pass retain there",
        gradients(tape, loss, vector)}});
}
