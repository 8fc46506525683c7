#include "tests/op_errors.h"

#include <limits>

#include "autograd/gradcheck.h"
#include "tests/emulation/emulated.h"

using namespace gradus;

namespace {

Tensor index(std::initializer_list<int32_t> values) {
  return Tensor::from(values, {static_cast<int64_t>(values.size())});
}

}  // namespace

TEST_CASE("op errors: element-wise", "[ops][errors]") {
  const Var f32 = of({2, 3}), f64 = of({2, 3}, DType::f64), i32 = of({2, 3}, DType::i32);
  check_all({
      {kShape, "add: cannot broadcast [2, 3] with [4]", [&] { return f32 + of({4}); }},
      {kShape, "sub: cannot broadcast [2, 3] with [2]", [&] { return f32 - of({2}); }},
      {kShape, "mul: cannot broadcast [2, 3] with [3, 2]",
       [&] {
         return f32 * of({3, 2});
       }},
      {kShape, "div: cannot broadcast [4] with [2, 3]", [&] { return of({4}) / f32; }},
      {kShape, "maximum: cannot broadcast [2, 3] with [0]", [&] { return maximum(f32, of({0})); }},
      {kShape, "equal: cannot broadcast [2, 3] with [4, 3]",
       [&] {
         return equal(f32, of({4, 3}));
       }},
      {kType, "add: operands are f32 and f64; convert one of them", [&] { return f32 + f64; }},
      {kType, "mul: operands are f64 and f32; convert one of them", [&] { return f64 * f32; }},
      {kType, "div: operands are f32 and i32; convert one of them", [&] { return f32 / i32; }},
      {kType, "sub: needs f32 or f64, got i32", [&] { return i32 - i32; }},
      {kType, "exp: needs f32 or f64, got i32", [&] { return exp(i32); }},
      {kType, "add: needs f32 or f64, got u8", [&] { return of({2}, DType::u8) + 1; }},
      {kType, "maximum: needs f32 or f64, got i32", [&] { return maximum(i32, 0); }},
      {kPlain, "maximum: an operand is undefined", [&] { return maximum(Var(), 0); }},
      {kPlain, "leaky_relu: the slope must lie in (0, 1), got 0",
       [&] { return leaky_relu(f32, 0); }},
      {kPlain, "leaky_relu: the slope must lie in (0, 1), got 1",
       [&] { return leaky_relu(f32, 1); }},
      {kPlain, "leaky_relu: the slope must lie in (0, 1), got -0.2",
       [&] { return leaky_relu(f32, -0.2); }},
      {kPlain, "leaky_relu: the slope must lie in (0, 1), got nan",
       [&] { return leaky_relu(f32, std::numeric_limits<double>::quiet_NaN()); }},
      {kPlain, "clamp: [1, 0.5] is not a range", [&] { return clamp(f32, 1, 0.5); }},
      {kPlain, "clamp: [nan, 1] is not a range",
       [&] { return clamp(f32, std::numeric_limits<double>::quiet_NaN(), 1); }},
      {kPlain, "elu: alpha must be positive, got 0", [&] { return elu(f32, 0); }},
      {kType, "silu: needs f32 or f64, got i32", [&] { return silu(i32); }},
      {kPlain, "tanh: an operand is undefined", [&] { return tanh(Var()); }},
      {kPlain, "add: an operand is undefined", [&] { return f32 + Var(); }},
  });
}

TEST_CASE("op errors: reductions", "[ops][errors]") {
  const Var x = of({2, 3}), empty = of({0, 3}), i32 = of({2}, DType::i32);
  check_all({
      {kShape, "sum: axis 2 is outside a tensor of rank 2", [&] { return sum(x, {2}); }},
      {kShape, "mean: axis -3 is outside a tensor of rank 2",
       [&] {
         return mean(x, {0, -3});
       }},
      {kShape, "max: axis 0 is outside a tensor of rank 0", [&] { return max(of({}), {0}); }},
      {kShape, "logsumexp: axis 1 is named twice",
       [&] {
         return logsumexp(x, {1, -1});
       }},
      {kShape, "softmax: axis 2 is outside a tensor of rank 2", [&] { return softmax(x, 2); }},
      {kShape, "log_softmax: axis -3 is outside a tensor of rank 2",
       [&] { return log_softmax(x, -3); }},
      {kShape, "mean: nothing to reduce in [0, 3]", [&] { return mean(empty); }},
      {kShape, "max: nothing to reduce in [0, 3]", [&] { return max(empty, {0}); }},
      {kShape, "logsumexp: nothing to reduce in [0, 3]", [&] { return logsumexp(empty); }},
      {kType, "sum: needs f32 or f64, got i32", [&] { return sum(i32); }},
      {kShape, "argmax: no last axis in []", [&] { return argmax(of({}).value()); }},
      {kShape, "argmax: axis 1 of [2, 0] is empty",
       [&] {
         return argmax(of({2, 0}).value());
       }},
      {kShape, "top_k: k must lie in [1, 3] for [2, 3], got 4",
       [&] { return top_k(x.value(), 4); }},
      {kShape, "top_k: k must lie in [1, 3] for [2, 3], got 0",
       [&] { return top_k(x.value(), 0); }},
      {kShape, "top_k: no last axis in []", [&] { return top_k(of({}).value(), 1); }},
      {kType, "top_k: needs f32 or f64, got i32", [&] { return top_k(i32.value(), 1); }},
      {kType, "argmax: needs f32 or f64, got i32", [&] { return argmax(i32.value()); }},
  });
}

TEST_CASE("op errors: shaping", "[ops][errors]") {
  const Var x = of({2, 3}), f64 = of({2, 3}, DType::f64);
  check_all({
      {kShape, "reshape: 6 elements of [2, 3] do not fill [4]", [&] { return reshape(x, {4}); }},
      {kShape, "slice: axis 2 is outside a tensor of rank 2", [&] { return slice(x, 2, 0, 1); }},
      {kShape, "slice: [2, 1) is not within axis 1 of [2, 3]", [&] { return slice(x, -1, 2, 1); }},
      {kShape, "slice: [0, 3) is not within axis 0 of [2, 3]", [&] { return slice(x, 0, 0, 3); }},
      {kShape, "slice: [-1, 1) is not within axis 0 of [2, 3]", [&] { return slice(x, 0, -1, 1); }},
      {kShape, "concat: nothing to join", [&] { return concat({}, 0); }},
      {kShape, "concat: [2, 3] and [2, 4] do not join along axis 0",
       [&] {
         return concat({x, of({2, 4})}, 0);
       }},
      {kShape, "concat: [2, 3] and [3] do not join along axis 0",
       [&] {
         return concat({x, of({3})}, 0);
       }},
      {kType, "concat: parts are f32 and f64",
       [&] {
         return concat({x, f64}, 0);
       }},
      {kShape, "concat: axis -3 is outside a tensor of rank 2",
       [&] {
         return concat({x, x}, -3);
       }},
      {kShape, "pad: 1 paddings for the axes of [2, 3]",
       [&] {
         return pad(x, {{1, 1}});
       }},
      {kShape, "pad: axis 1 of [2, 3] cannot get 1 before and -1 after",
       [&] {
         return pad(x, {{0, 0}, {1, -1}});
       }},
      {kShape, "upsample_nearest2d: x must be [N, H, W, C], got [2, 3]",
       [&] { return upsample_nearest2d(x, 2); }},
      {kShape, "upsample_bilinear2d: the factor must be at least 1, got 0",
       [&] {
         return upsample_bilinear2d(of({1, 2, 2, 1}), 0);
       }},
      {kType, "upsample_bilinear2d: needs f32 or f64, got u8",
       [&] {
         return upsample_bilinear2d(of({1, 2, 2, 1}, DType::u8), 2);
       }},
      {kPlain, "gather: an operand is undefined", [&] { return gather(x, Tensor()); }},
      {kPlain, "one_hot: an operand is undefined",
       [&] { return one_hot(Tensor(), 3, DType::f32); }},
      {kShape, "gather: index 2 is outside [0, 2)",
       [&] {
         return gather(x, index({0, 2}));
       }},
      {kShape, "gather: index -1 is outside [0, 2)", [&] { return gather(x, index({-1})); }},
      {kType, "gather: the index must be i32, got f32", [&] { return gather(x, of({2}).value()); }},
      {kShape, "gather: the index must be [N], got []",
       [&] { return gather(x, index({0}).reshape({})); }},
      {kShape, "gather: x must have rows, got []", [&] { return gather(of({}), index({0})); }},
      {kShape, "one_hot: index 10 is outside [0, 10)",
       [&] { return one_hot(index({10}), 10, DType::f32); }},
      {kShape, "one_hot: the depth must be positive, got 0",
       [&] { return one_hot(index({0}), 0, DType::f32); }},
      {kType, "one_hot: the index must be i32, got f32",
       [&] { return one_hot(of({2}).value(), 3, DType::f32, OutOfRange::zero_row); }},
      {kType, "one_hot: needs f32 or f64, got i32",
       [&] { return one_hot(index({0}), 3, DType::i32, OutOfRange::zero_row); }},
  });
}

TEST_CASE("op errors: operands on two devices", "[ops][errors]") {
  cuda::emulation::emulated();
  const Var x = of({2, 3});
  const Tensor there = Tensor::zeros({2, 3}, DType::f32, cuda::emulation::kEmulated);
  const std::string device = to_string(there.device());
  const std::string add = "add: operands are on cpu and " + device,
                    parts = "concat: parts are on cpu and " + device,
                    gathered = "gather: x is on " + device + ", the index on cpu";
  check_all({
      {typeid(DeviceError), add.c_str(), [&] { return x + there; }},
      {typeid(DeviceError), parts.c_str(),
       [&] {
         return concat({x, there}, 0);
       }},
      {typeid(DeviceError), gathered.c_str(), [&] { return gather(there, index({0})); }},
  });
}

TEST_CASE("op errors: shapes and gradcheck", "[ops][errors]") {
  const auto itself = [](const std::vector<Var>& in) { return in[0]; };
  check_all({
      {kShape, "shape: rank 7 exceeds 6",
       [] {
         return Shape({1, 1, 1, 1, 1, 1, 1});
       }},
      {kShape, "shape: extent -2 of axis 1 is negative",
       [] {
         return Shape({3, -2});
       }},
      {kShape, "shape: [4294967296, 4294967296] has too many elements",
       [] {
         Shape({int64_t{1} << 32, int64_t{1} << 32});
       }},
      {kType, "gradcheck: inputs must be f64, got f32",
       [&] { return gradcheck(itself, {of({2}).value()}); }},
  });
}

TEST_CASE("op errors: tapes", "[tape][errors]") {
  const auto tape = Tape::make(), other = Tape::make();
  const Tensor one = of({}).value(), three = of({3}).value();
  const Var a = tape->watch(one), b = other->watch(one), vector = tape->watch(three);
  const Var loss = sum(vector * vector);
  const auto gradients = [](const auto& tape, const Var& loss, const Var& target) {
    return [=] { return tape->gradients(loss, std::vector{target}); };
  };
  check_all({
      {kTape, "add: its inputs are on two tapes", [&] { return a + b; }},
      {kTape, "concat: its inputs are on two tapes",
       [&] {
         return concat({vector, Tape::make()->watch(three)}, 0);
       }},
      {kTape, "gradients: the loss is not on this tape", gradients(tape, b, a)},
      {kTape, "gradients: the loss is not on this tape", gradients(tape, one, a)},
      {kTape, "gradients: a target is not on this tape", gradients(tape, loss, b)},
      {kTape, "gradients: a target is not on this tape", gradients(tape, loss, vector.detach())},
      {kShape, "gradients: the loss has shape [3], not one element",
       gradients(tape, vector, vector)},
      {kType, "watch: gradients need f32 or f64, got i32",
       [&] { return tape->watch(of({2}, DType::i32).value()); }},
      {kPlain, "watch: the tensor is undefined", [&] { return tape->watch(Tensor()); }},
      {kTape, "operation: node -1 is not on this tape", [&] { return tape->operation(-1); }},
  });
  CHECK(tape->gradients(loss, std::vector{vector}).size() == 1);
  check_all(
      {{kTape, "gradients: what sum had saved was freed by an earlier call; pass retain there",
        gradients(tape, loss, vector)}});
}
