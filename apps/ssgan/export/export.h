#pragma once

#include <string>

#include "apps/ssgan/run/checkpoint.h"

namespace gradus::ssgan {

/// Weights and running statistics of both networks, without the optimisers. Metadata: the
/// configuration ("config") and the names of the classes ("classes"), as JSON.
TensorFile plain_weights(const Checkpoint& checkpoint);
/// The same in PyTorch's layouts and under its names, as import_pytorch reads them: kernels [out,
/// in, kh, kw], transposed ones [in, out, kh, kw], the generator's dense units by channel first,
/// "running_var".
TensorFile pytorch_weights(const Checkpoint& checkpoint);

/// The bytes of an ONNX file of one network, evaluated by these statistics of batch norm. Both
/// throw DataError that names the checkpoint's file where a tensor is missing or of another shape,
/// and NotFinite where a weight is not finite.
///
/// images u8 [N, S, S, 3] -> class_logits f32 [N, K], probabilities f32 [N, K] (their softmax),
/// p_real f32 [N]. K counts the class of generated images where there is one.
std::string discriminator_onnx(const Checkpoint& checkpoint, Statistics statistics);
/// z f32 [N, 100] -> images u8 [N, S, S, 3].
std::string generator_onnx(const Checkpoint& checkpoint, Statistics statistics);

}  // namespace gradus::ssgan
