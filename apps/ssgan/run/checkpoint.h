#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "apps/ssgan/options.h"
#include "tensor/safetensors.h"

namespace gradus::ssgan {

/// A run's whole state between two steps: tensors (Trainer::save), the configuration, how many
/// steps were taken, and the sums of the epoch under way. Batches and noise follow from the seed
/// and the step.
struct Checkpoint {
  Options options;
  int64_t step = 0;  ///< taken so far
  std::vector<double> epoch_sums;
  std::string data;  ///< data_checksum of the images it was trained on, or empty
  std::map<std::string, Tensor> tensors;
  std::filesystem::path path = {};  ///< of the file that it was read from
};

/// The checksum that a checkpoint's metadata carries as "crc32c": of all names, other metadata and
/// tensors' bytes, 8 hexadecimal digits.
std::string checkpoint_checksum(const TensorFile& file);

/// Throws OutputError as write_file.
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);
/// Throws DataError that names the file where it is missing, damaged or not a checkpoint of ssgan.
Checkpoint read_checkpoint(const std::filesystem::path& path);

/// Whether the discriminator's and generator's running statistics are as before the first step.
bool statistics_are_fresh(const std::map<std::string, Tensor>& tensors);
/// Throws UsageError where `options` ask for running statistics that were never updated, as those
/// of the tutorial preset are.
void require_statistics(const Checkpoint& checkpoint, const Options& options);
/// Throws NotFinite that names the file, or step, and the tensor where a weight is none.
void require_finite(const std::string& where, const std::map<std::string, Tensor>& tensors);
/// Where `options` evaluate by the average of D's weights, puts it in the place of the last ones.
/// Throws DataError that names the file where there is none.
void use_average(Checkpoint& checkpoint, const Options& options);
/// Loads "generator." or "discriminator." alone. Throws DataError that names the file, and
/// NotFinite as require_finite.
void load_network(const Checkpoint& checkpoint, const std::string& prefix, Module& network);

}  // namespace gradus::ssgan
