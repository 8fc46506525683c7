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
  int64_t step = 0;
  std::vector<double> epoch_sums;
  std::map<std::string, Tensor> tensors;
};

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);
/// Throws DataError that names the file where it is missing, damaged or not a checkpoint of ssgan.
Checkpoint read_checkpoint(const std::filesystem::path& path);

/// The checkpoint of the highest step in `run`/checkpoints. Throws DataError where there is none.
std::filesystem::path newest_checkpoint(const std::filesystem::path& run);
/// The checkpoint of the highest step up to `step`, if there is one.
std::optional<std::filesystem::path> checkpoint_upto(const std::filesystem::path& run,
                                                     int64_t step);
/// The configuration of a run's config.json. Throws DataError.
Options read_config(const std::filesystem::path& run);
/// The run folder that a checkpoint lies in.
std::filesystem::path run_of(const std::filesystem::path& checkpoint);

}  // namespace gradus::ssgan
