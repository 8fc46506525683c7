#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "apps/ssgan/model/trainer.h"
#include "apps/ssgan/run/checkpoint.h"
#include "apps/ssgan/run/run_plan.h"

namespace gradus::ssgan {

/// The checkpoint in a file; nothing, and a line on stderr, where it is damaged.
std::optional<Checkpoint> read_if_whole(const std::filesystem::path& path);

/// A trainer between two of its steps: where commands that look into a step begin.
class RunAt {
 public:
  /// With fresh weights, before the first step. Throws as load_images and RunPlan.
  RunAt(const Options& options, Device device);
  /// Before step `step` (1 is the first) of the run in a folder, repeated from the nearest earlier
  /// checkpoint that is whole; without `step`, after its newest one. The step that would follow the
  /// run's last is one, too. `data_dir`, where not empty, replaces the run's. Throws UsageError
  /// where the run has no such step, DataError where a file is missing or damaged.
  RunAt(const std::filesystem::path& run, std::optional<int64_t> step, const std::string& data_dir,
        Device device);
  RunAt(const RunAt&) = delete;
  RunAt& operator=(const RunAt&) = delete;

  const Options& options() const { return options_; }
  const ImageSet& train() const { return train_; }
  Trainer& trainer() { return trainer_; }
  /// The number of the step that comes next, 1 for the first.
  int64_t next_step() const { return taken_ + 1; }
  int64_t total_steps() const { return plan_.total_steps(); }
  int64_t steps_per_epoch() const { return plan_.per_epoch(); }
  /// The learning rate of the step that comes next.
  double lr() const;
  /// The images of the step that comes next, of train().
  StepImages images();
  /// Takes the next step and lets `trace` see it.
  Metrics take(const Trainer::Trace& trace);
  /// Goes to where a checkpoint of the run is. Throws as Trainer::load.
  void restore(const Checkpoint& checkpoint);
  /// Takes steps until `step` is the next; none where it is or has been.
  void advance_to(int64_t step);

 private:
  Options options_;
  ImageSet train_;
  RunPlan plan_;
  Trainer trainer_;
  int64_t taken_ = 0;
};

}  // namespace gradus::ssgan
