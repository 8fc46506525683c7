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
/// Loads "generator." or "discriminator." alone. Throws DataError that names the file.
void load_network(const Checkpoint& checkpoint, const std::string& prefix, Module& network);

/// The checkpoint of the highest step in `run`/checkpoints. Throws DataError where there is none.
std::filesystem::path newest_checkpoint(const std::filesystem::path& run);
/// The checkpoint of the highest step up to `step`, if there is one.
std::optional<std::filesystem::path> checkpoint_upto(const std::filesystem::path& run,
                                                     int64_t step);
/// The checkpoint of the lowest step from `step` on, if there is one.
std::optional<std::filesystem::path> checkpoint_from(const std::filesystem::path& run,
                                                     int64_t step);
/// The configuration of a run's config.json. Throws DataError that names the file where it is
/// missing or damaged.
Options read_config(const std::filesystem::path& run);
/// The run folder that a checkpoint lies in, if it lies in one.
std::optional<std::filesystem::path> run_of(const std::filesystem::path& checkpoint);

/// Whether going on from `checkpoint` in the folder `run` continues the run that is there; false
/// where none is. Throws UsageError where something would be lost: a run that the checkpoint is not
/// of, or later checkpoints.
bool continues_run(const Checkpoint& checkpoint, const std::filesystem::path& run);
/// Throws DataError that names the file where `asked` is another network than the checkpoint's.
void require_same_network(const Checkpoint& checkpoint, const Options& asked);
/// Throws UsageError where data, batches, labels or seed are others, which a run keeps.
void require_same_run(const Checkpoint& checkpoint, const Options& asked);

}  // namespace gradus::ssgan
