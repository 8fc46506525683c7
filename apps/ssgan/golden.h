#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/ssgan/options.h"
#include "tensor/safetensors.h"

// Steps of training with every tensor written down, and their comparison with another program's.
// docs/ssgan.md names the tensors.

namespace gradus::ssgan {

struct StepRequest {
  Options options;
  DType dtype = DType::f32;
  Device device;
  TensorFile weights;  ///< parameters by name
  /// With a leading axis of steps K: x u8 [K, N, 32, 32, 3] and y i32 [K, N], or index i32 [K, N]
  /// into the training file of options.data_dir; label_mask i32 [K, N], z f32 [K, M, 100], lr f64
  /// [K].
  TensorFile batch;
  int64_t max_steps = 0;  ///< 0: all K
};

/// Runs the steps. Result: the first step's activations and gradients, each step's losses [K], the
/// parameters after the last. Throws DataError where a tensor is missing or misshapen.
TensorFile run_steps(const StepRequest& request);

struct Comparison {
  std::string name;
  double error = 0;      ///< largest difference over the largest expected value
  bool skipped = false;  ///< not compared: what is expected there is rounding noise
  std::string problem;   ///< "missing" or what is wrong with its shape
};

/// Compares with `case_dir`/expected.safetensors by the rules of `case_dir`/case.json. Where fewer
/// images or steps are expected than came, or fewer steps came, the leading ones count.
std::vector<Comparison> compare_with_case(const TensorFile& actual,
                                          const std::filesystem::path& case_dir);

}  // namespace gradus::ssgan
