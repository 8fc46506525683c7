#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/ssgan/run/checkpoint.h"

// Weights that another program trained, as a checkpoint of this one: `ssgan import`.

namespace gradus::ssgan {

struct Imported {
  Checkpoint checkpoint;           ///< f32; its tensors are those of Trainer::save
  std::optional<double> lr;        ///< the learning rate that a TensorFlow checkpoint holds
  std::vector<std::string> notes;  ///< what was absent or left out, a line each
};

/// A TensorFlow checkpoint of the printed program (apps/ssgan/import/tf_checkpoint.h): PREFIX.index
/// and its data file. Variables are those of tf.layers in the scopes `generator` and
/// `discriminator`, in the order of the program: discriminator/conv2d_2 is conv3,
/// discriminator/batch_normalization is bn2, generator/conv2d_transpose is deconv2. Layouts: dense
/// [in, out], conv [kh, kw, in, out], conv-transpose [kh, kw, out, in]. Of the two Adams,
/// <variable>/Adam is m, /Adam_1 is v, and beta1_power, beta2_power are the discriminator's, those
/// with _1 the generator's: after t steps they are beta^(t + 1). TensorFlow has no m and v for
/// variables that reach no loss: these are 0. The checkpoint's step is t of the discriminator.
///
/// A checkpoint of weights alone has both Adams at 0, and one without moving averages running
/// statistics of 0 and 1; `notes` say so. Throws DataError that names the file and the variable
/// where one is missing, damaged, not finite, or of another size than `options` say.
Imported import_tensorflow(const std::filesystem::path& prefix, const Options& options);

/// A safetensors file of a PyTorch program under our names ("discriminator.conv3.weight",
/// "generator.bn1.running_var"; docs/formats.md lists the names) in PyTorch's layouts: Linear [out,
/// in], Conv2d [out, in, kh, kw], ConvTranspose2d [in, out, kh, kw]. Running statistics may be
/// absent; other tensors, such as num_batches_tracked, are left out. Weights of 16 bits are
/// widened.
///
/// The generator's dense layer is taken to be followed by view(N, C, 4, 4), so its unit
/// (c * 4 + h) * 4 + w becomes our (h * 4 + w) * C + c. A program that views it as (N, 4, 4, C)
/// has our order already: permute its rows before saving.
///
/// Adams are 0 and the step is 0. What weights do not show must be as here: the padding (in front
/// 0 and behind 1 for 3x3 with stride 2; of the 5x5 transposed ones 1 is cropped in front and 2
/// behind), batch norm's epsilon 1e-3, slopes of 0.2. Throws DataError as import_tensorflow does.
Imported import_pytorch(const std::filesystem::path& path, const Options& options);

/// The number of steps t that an Adam of TensorFlow took, from its variables beta1_power and
/// beta2_power: each is beta^(t + 1), multiplied up in f32. None where both vanished, after some
/// 87,000 steps. Throws DataError, without a file's name, where they are no such powers or
/// disagree.
std::optional<int64_t> steps_of_powers(float beta1_power, float beta2_power, double beta1);

}  // namespace gradus::ssgan
