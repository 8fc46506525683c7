#pragma once

#include <vector>

#include "apps/ssgan/model/trainer.h"
#include "apps/ssgan/run/checkpoint.h"
#include "apps/ssgan/run/progress.h"
#include "apps/ssgan/run/run_folder.h"
#include "apps/ssgan/run/run_plan.h"

namespace gradus::ssgan {

/// After the first call, Ctrl-C asks a run to stop after its step; a second one ends the program.
void stop_on_interrupt();
/// Whether Ctrl-C has asked.
bool is_interrupted();

/// Of a run up to where it is. Accuracies, in [0, 1], are those of the last finished epoch, NaN
/// before the first.
struct RunSummary {
  double train_accuracy;  ///< on the labelled training images, as they were trained on
  double test_accuracy;
  double seconds;  ///< of this session
  int64_t steps;   ///< in all
};

/// How a run goes on, beside what its options say it computes.
struct RunSettings {
  Device device;
  bool color = false;
  int64_t max_steps = 0;   ///< stop after so many in all; 0: run all epochs
  int64_t log_every = 50;  ///< steps between plain progress lines
  int64_t save_every = 0;  ///< steps between checkpoints; 0: every five epochs
};

/// One training run, from its first step, or from a checkpoint, to its last.
class Run {
 public:
  /// The test set must outlive the run. Throws as RunPlan's constructor, and DeviceError where
  /// memory is out.
  Run(const Options& options, const RunSettings& settings, const ImageSet& train,
      const ImageSet& test);
  /// Goes on from there. Throws DataError that names the file where the checkpoint does not fit the
  /// options.
  void resume(const Checkpoint& checkpoint);

  int64_t step() const { return step_; }  ///< taken so far
  int64_t total_steps() const { return plan_.total_steps(); }
  int64_t labelled_count() const { return plan_.labelled(); }

  /// Trains until the last step, settings.max_steps or Ctrl-C; everything goes to `folder`, at the
  /// end a checkpoint too. Throws NotFinite where a loss or a weight is not; no checkpoint is
  /// written then. Throws OutputError as the folder does.
  void train(RunFolder& folder);
  RunSummary summary() const;

 private:
  /// Sums over the steps of the epoch under way, and the last epoch's accuracies (negative: none).
  struct Epoch {
    double steps = 0, d_real = 0, d_fake = 0, d_class = 0, d = 0, g = 0;
    double masked_correct = 0, labelled = 0;
    double train_accuracy = -1, test_accuracy = -1;
  };
  struct Unread {
    int64_t step;
    double lr;
    int64_t labelled;
  };
  static std::vector<double> to_values(const Epoch& epoch);
  static Epoch from_values(const std::vector<double>& values);

  /// Of the steps taken since the last call: to the folder, the epoch's sums and the progress.
  void read_metrics(RunFolder& folder, Progress& progress);
  void require_finite(int64_t step, const Metrics& m) const;
  void finish_epoch(RunFolder& folder, Progress& progress, double lr, double seconds);
  void save(RunFolder& folder);

  Options options_;
  RunSettings settings_;
  const ImageSet& test_;
  RunPlan plan_;
  Trainer trainer_;
  bool resumed_ = false;
  int64_t step_ = 0;
  Epoch epoch_;
  std::vector<Unread> unread_;  ///< steps whose metrics still lie on the device
  double seconds_ = 0;
};

}  // namespace gradus::ssgan
