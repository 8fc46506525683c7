#pragma once

#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/ssgan/run/checkpoint.h"

namespace gradus::ssgan {

/// checkpoints/step_NNNNNNNN.safetensors below `run`; `step` is how many were taken.
inline constexpr int64_t kAnyStep = std::numeric_limits<int64_t>::max();
std::filesystem::path checkpoint_path(const std::filesystem::path& run, int64_t step);

/// checkpoints/best.safetensors: the one of the best score on the images held out for validation.
std::filesystem::path best_checkpoint_path(const std::filesystem::path& run);

/// Where a run goes on from, and what is known of the folder by then.
struct Resumption {
  Checkpoint checkpoint;
  std::vector<std::filesystem::path> damaged;  ///< later checkpoints, which cannot be read
  std::vector<std::string> notes;              ///< what is wrong with these
  bool same_folder = true;  ///< whether it goes on in the folder that the checkpoint is of
};
/// The newest checkpoint of the run in `run` that is whole. Throws DataError where there is none,
/// or where its configuration is not the one of the run's config.json, ReadError where the system
/// does not read one.
Resumption newest_whole(const std::filesystem::path& run);

/// The checkpoint in a file, or the newest whole one of a run's folder, which it names on stderr.
/// Throws as read_checkpoint and newest_whole.
Checkpoint read_named(const std::filesystem::path& file_or_run);

/// A run's checkpoints by step, without best.safetensors; none where there is no such folder.
std::map<int64_t, std::filesystem::path> checkpoints_of(const std::filesystem::path& run);
/// The checkpoint of the highest step up to `step`, if there is one.
std::optional<std::filesystem::path> checkpoint_upto(const std::filesystem::path& run,
                                                     int64_t step);
/// The checkpoint of the lowest step from `step` on, if there is one.
std::optional<std::filesystem::path> checkpoint_from(const std::filesystem::path& run,
                                                     int64_t step);
/// Removes all checkpoints of steps but the `keep` newest and that of step `first`.
/// Throws OutputError.
void prune_checkpoints(const std::filesystem::path& run, int64_t keep, int64_t first);

/// The configuration of a run's config.json. Throws DataError that names the file where it is
/// missing or damaged.
Options read_config(const std::filesystem::path& run);
/// How many steps had been taken where the run in this folder began: 0, or those of the checkpoint
/// that another one was continued from. Throws as read_file.
int64_t first_step(const std::filesystem::path& run);
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
/// "lr 0.0012 -> 0.001" for each setting of `asked` that the checkpoint has otherwise.
std::vector<std::string> changed_settings(const Checkpoint& checkpoint, const Options& asked);

}  // namespace gradus::ssgan
