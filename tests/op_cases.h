#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "tensor/backend.h"
#include "tests/values.h"

// The table of differentiable operations. A row buys the operation every check of ops_test.cpp:
// values, gradients, both dtypes, same bits twice, no storage left behind, no write out of bounds.

namespace gradus {

/// Where an input's values lie. They must keep clear of the operation's kinks by 1e-4.
struct OpInput {
  Shape shape;
  double low = -2, high = 2;
};

/// What a convolution's row says about its kernels, to compare the fast ones with the reference.
struct ConvCase {
  bool transposed = false;
  ConvParams params;
};

struct OpCase {
  std::string name;
  std::vector<OpInput> inputs;
  /// The operation. Tensors that are not inputs follow the first input's dtype and device.
  std::function<Var(const std::vector<Var>&)> call;
  /// The same by plain loops from the formula in the operation's header.
  std::function<Array(const std::vector<Array>&)> expected;
  std::optional<ConvCase> conv = {};
};

/// Every row.
const std::vector<OpCase>& op_cases();

/// The row's inputs: the same values at each call.
std::vector<Array> values_of(const OpCase& c);

/// What a row computes: its value, and its inputs' gradients of a loss that weighs the value's
/// elements differently.
struct OpResult {
  Array y;
  std::vector<Array> gradients;
};
OpResult run(const OpCase& c, DType dtype, Device device = kCpu);

/// `a` as a constant of x's dtype on x's device.
inline Tensor constant_like(const Var& x, const Array& a) {
  return to_tensor(a, x.dtype(), x.device());
}
inline Tensor index_like(const Var& x, const std::vector<int32_t>& index) {
  return Tensor::from(std::span<const int32_t>(index), {static_cast<int64_t>(index.size())},
                      x.device());
}

/// The row followed by an activation, with which its kernel ends: the i-th of them, in turn.
OpCase with_activation(OpCase c, size_t i);

// A function a family, in files of their own.
void add_elementwise_cases(std::vector<OpCase>& cases);
void add_reduce_cases(std::vector<OpCase>& cases);
void add_shaping_cases(std::vector<OpCase>& cases);
void add_permute_cases(std::vector<OpCase>& cases);
void add_conv_cases(std::vector<OpCase>& cases);
void add_pool_cases(std::vector<OpCase>& cases);
void add_augment_cases(std::vector<OpCase>& cases);
void add_loss_cases(std::vector<OpCase>& cases);

}  // namespace gradus
