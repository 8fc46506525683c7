#pragma once

#include "apps/ssgan/options.h"
#include "tensor/safetensors.h"

namespace gradus::ssgan {

/// Steps of training on given weights and data. docs/formats.md names the tensors.
struct GivenSteps {
  Options options;
  DType dtype = DType::f32;
  Device device;
  TensorFile weights;  ///< parameters by name
  /// With a leading axis of steps K: x u8 [K, N, S, S, 3] and y i32 [K, N], or index i32 [K, N]
  /// into the training file of options.data_dir; label_mask i32 [K, N], z f32 [K, M, 100], lr f64
  /// [K].
  TensorFile batch;
  int64_t max_steps = 0;  ///< run the first so many; 0: all K
  /// Who take the steps together; the result's activations are then those of this rank's part.
  Communicator* ranks = nullptr;
};

/// Runs the steps. Result: what step_dump.h says, of the first step and of all. Throws DataError
/// where a tensor is missing, of another shape or dtype, where a label y is not 1 to 10 or an index
/// is none, and as load_images.
TensorFile run_steps(const GivenSteps& given);

}  // namespace gradus::ssgan
