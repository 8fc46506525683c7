#include "tests/emulation/emulated.h"
#include "tests/op_errors.h"

using namespace gradus;

namespace {

Tensor index(std::initializer_list<int32_t> values) {
  return Tensor::from(values, {static_cast<int64_t>(values.size())});
}

}  // namespace

TEST_CASE("op errors: comparisons and where", "[ops][errors]") {
  const Var x = of({2, 3}), f64 = of({2, 3}, DType::f64), i32 = of({2, 3}, DType::i32);
  check_all({
      {kShape, "less: cannot broadcast [2, 3] with [4]", [&] { return x < of({4}); }},
      {kShape, "greater_equal: cannot broadcast [2, 3] with [2]", [&] { return x >= of({2}); }},
      {kType, "less_equal: operands are f32 and f64; convert one of them",
       [&] { return x <= f64; }},
      {kType, "greater: operands are f32 and i32; convert one of them", [&] { return x > i32; }},
      {kType, "not_equal: needs f32 or f64, got i32", [&] { return not_equal(i32, x); }},
      {kPlain, "equal: an operand is undefined", [&] { return equal(x, Var()); }},
      {kPlain, "less: an operand is undefined", [&] { return Var() < 1; }},
      {kShape, "minimum: cannot broadcast [2, 3] with [2]", [&] { return minimum(x, of({2})); }},
      {kType, "minimum: needs f32 or f64, got i32", [&] { return minimum(i32, 1); }},
      {kType, "div: needs f32 or f64, got i32", [&] { return 1 / i32; }},
      {kType, "where: operands are f32 and f64; convert one of them",
       [&] { return where(x, x, f64); }},
      {kType, "where: needs f32 or f64, got i32", [&] { return where(x, i32, 0); }},
      {kPlain, "where: an operand is undefined", [&] { return where(Var(), x, 0); }},
      {kShape, "where: cannot broadcast [2] with [2, 3]", [&] { return where(of({2}), x, 0); }},
  });
}

TEST_CASE("op errors: order, stacks and splits", "[ops][errors]") {
  const Var x = of({2, 3}), f64 = of({2, 3}, DType::f64);
  check_all({
      {kShape, "permute: axis 1 is named twice",
       [&] {
         return permute(x, {1, -1});
       }},
      {kShape, "permute: 1 axes named for [2, 3]", [&] { return permute(x, {1}); }},
      {kShape, "permute: axis 2 is outside a tensor of rank 2",
       [&] {
         return permute(x, {0, 2});
       }},
      {kPlain, "permute: an operand is undefined", [&] { return permute(Var(), {}); }},
      {kShape, "transpose: axis -2 is outside a tensor of rank 1",
       [&] { return transpose(of({2})); }},
      {kShape, "flip: axis 0 is named twice",
       [&] {
         return flip(x, {0, -2});
       }},
      {kShape, "roll: axis 2 is outside a tensor of rank 2", [&] { return roll(x, 1, 2); }},
      {kShape, "broadcast_to: [2, 3] does not broadcast to [3]",
       [&] { return broadcast_to(x, {3}); }},
      {kShape, "broadcast_to: cannot broadcast [2, 3] with [4, 3]",
       [&] {
         return broadcast_to(x, {4, 3});
       }},
      {kShape, "stack: nothing to join", [&] { return stack({}); }},
      {kShape, "stack: [2, 3] and [3] differ",
       [&] {
         return stack({x, of({3})});
       }},
      {kType, "stack: parts are f32 and f64",
       [&] {
         return stack({x, f64});
       }},
      {kShape, "stack: axis 3 is outside a tensor of rank 3", [&] { return stack({x}, 3); }},
      {kShape, "split: extents of 2 in all do not fill axis 1 of [2, 3]",
       [&] {
         return split(x, {1, 1}, -1);
       }},
      {kShape, "split: extent -1 is negative",
       [&] {
         return split(x, {-1, 4}, 1);
       }},
      {kShape, "split: axis 2 is outside a tensor of rank 2", [&] { return split(x, {3}, 2); }},
      {kShape, "reshape: 6 elements of [2, 3] do not fill [4, -1]",
       [&] {
         return reshape(x, {4, -1});
       }},
      {kShape, "reshape: one extent may be -1, got [-1, -1]",
       [&] {
         return reshape(x, {-1, -1});
       }},
      {kShape, "reshape: 6 elements of [2, 3] do not fill [0, -1]",
       [&] {
         return x.value().reshape({0, -1});
       }},
      {kShape, "matmul: cannot broadcast [2] with [3]",
       [&] {
         return matmul(of({2, 1, 4}), of({3, 4, 1}));
       }},
      {kShape, "matmul: [5, 2, 3] times [5, 2, 3]: inner extents 3 and 2 differ",
       [&] {
         return matmul(of({5, 2, 3}), of({5, 2, 3}));
       }},
  });
}

TEST_CASE("op errors: var, argmax and argmin along an axis", "[ops][errors]") {
  const Var x = of({2, 3});
  check_all({
      {kShape, "var: 1 elements for ddof 1 in [2, 1]",
       [&] {
         return var(of({2, 1}), {1}, false, 1);
       }},
      {kShape, "var: axis 2 is outside a tensor of rank 2", [&] { return var(x, {2}); }},
      {kType, "var: needs f32 or f64, got u8", [&] { return var(of({2}, DType::u8)); }},
      {kShape, "argmin: axis -3 is outside a tensor of rank 2", [&] { return argmin(x, -3); }},
      {kShape, "argmax: axis 0 of [0, 3] is empty",
       [&] {
         return argmax(of({0, 3}), 0);
       }},
      {kType, "argmin: needs f32 or f64, got i32", [&] { return argmin(of({2}, DType::i32)); }},
  });
}

TEST_CASE("op errors: cross-entropy of labels", "[ops][errors]") {
  const Var x = of({2, 3});
  check_all({
      {kShape, "cross_entropy: label 3 is outside [0, 3)",
       [&] {
         return cross_entropy(x, index({0, 3}));
       }},
      {kShape, "cross_entropy: label -1 is outside [0, 3)",
       [&] {
         return cross_entropy(x, index({-1, 255}), {.ignore_index = 255});
       }},
      {kShape, "cross_entropy: logits must be [..., C] and labels [...], got [2, 3] and [3]",
       [&] {
         return cross_entropy(x, index({0, 1, 2}));
       }},
      {kShape, "cross_entropy: logits must be [..., C] and labels [...], got [] and [1]",
       [&] { return cross_entropy(of({}), index({0})); }},
      {kType, "cross_entropy: labels must be i32, got f32",
       [&] { return cross_entropy(x, of({2}).value()); }},
      {kType, "cross_entropy: needs f32 or f64, got u8",
       [&] {
         return cross_entropy(of({2, 3}, DType::u8), index({0, 1}));
       }},
      {kShape, "cross_entropy: no rows in [0, 3]",
       [&] {
         return cross_entropy(of({0, 3}), index({}));
       }},
      {kPlain, "cross_entropy: an operand is undefined",
       [&] { return cross_entropy(x, Tensor()); }},
  });
}

TEST_CASE("op errors: random numbers", "[ops][errors]") {
  cuda::emulation::emulated();
  const Draw there{.step = Tensor::zeros({}, DType::i32, cuda::emulation::kEmulated)};
  check_all({
      {kType, "normal: needs f32 or f64, got i32",
       [] { return normal({2}, {}, 0, 1, DType::i32); }},
      {kType, "uniform: needs f32 or f64, got u8",
       [] { return uniform({2}, {}, 0, 1, DType::u8); }},
      {typeid(DeviceError), "normal: it draws on cpu, but the draw's step is on cuda:31",
       [&] { return normal({2}, there); }},
  });
}
