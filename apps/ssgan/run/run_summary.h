#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace gradus::ssgan {

/// summary.json: a run up to its last checkpoint. Accuracies, in [0, 1], are those of the last
/// finished epoch, NaN before the first.
struct RunSummary {
  std::string protocol;         ///< how it was measured
  int64_t steps = 0;            ///< in all
  int64_t total_steps = 0;      ///< that it will have at its end; 0: not known
  double seconds = 0;           ///< of all sessions
  double epoch_seconds = 0;     ///< of these, of the epoch under way
  double train_accuracy = NAN;  ///< on the labelled training images, as they were trained on
  double test_accuracy = NAN;
  double best_accuracy = NAN;         ///< the best on images held out for validation
  int64_t best_step = 0;              ///< after which it was so
  double baseline_accuracy = NAN;     ///< NaN: none was trained, or not to its end
  double without_gan_accuracy = NAN;  ///< the same run's without its generator; likewise
  bool complete = false;              ///< whether it came to its end
};

/// Replaces the file in the run's `folder`. Throws OutputError.
void write_summary(const std::filesystem::path& folder, const RunSummary& summary);
/// Nothing where the file is missing or damaged.
std::optional<RunSummary> read_summary(const std::filesystem::path& folder);

}  // namespace gradus::ssgan
