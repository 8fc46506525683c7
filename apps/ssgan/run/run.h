#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "apps/ssgan/model/trainer.h"
#include "apps/ssgan/run/checkpoint.h"
#include "apps/ssgan/run/progress.h"
#include "apps/ssgan/run/run_folder.h"
#include "apps/ssgan/run/run_plan.h"
#include "apps/ssgan/run/run_summary.h"

namespace gradus::ssgan {

/// How a run goes on, beside what its options say it computes.
struct RunSettings {
  Device device;
  Communicator* ranks = nullptr;  ///< who train together, this one rank 0 of them; null: it alone
  bool color = false;
  int runs_beside = 0;     ///< how many follow, for the time left
  int64_t max_steps = 0;   ///< stop after so many in all; 0: run all epochs
  int64_t log_every = 50;  ///< steps between plain progress lines
  int64_t save_every = 0;  ///< steps between checkpoints; 0: every five epochs
  int64_t keep = 3;        ///< so many checkpoints remain, the newest
};

/// One training run, from its first step, or from a checkpoint, to its last.
class Run {
 public:
  /// The test set must outlive the run. Throws as RunPlan's constructor, and DeviceError where
  /// memory is out.
  Run(const Options& options, const RunSettings& settings, const ImageSet& train,
      const ImageSet& test);
  /// Goes on from there; `earlier` is the summary of the run so far, where it is known. Throws
  /// DataError that names the file where the checkpoint does not fit the options.
  void resume(const Checkpoint& checkpoint, const std::optional<RunSummary>& earlier);

  int64_t step() const { return step_; }  ///< taken so far
  int64_t total_steps() const { return plan_.total_steps(); }
  int64_t steps_per_epoch() const { return plan_.per_epoch(); }
  /// Whether options.patience ended it.
  bool ran_out_of_patience() const;
  bool is_complete() const { return step_ == total_steps() || ran_out_of_patience(); }
  /// One line that says on which images the run is trained and tested.
  const std::string& protocol() const { return protocol_; }
  /// data_checksum of these.
  const std::string& data() const { return data_; }

  /// Trains until the run is complete, settings.max_steps or a signal (signals.h); everything goes
  /// to `folder`, at the end a checkpoint too. Throws NotFinite where a loss or a weight is not; no
  /// checkpoint is written then. Throws OutputError as the folder does.
  void train(RunFolder& folder);
  RunSummary summary() const;

 private:
  /// Sums over the steps of the epoch under way, and the last epoch's accuracies (negative: none).
  struct Epoch {
    double steps = 0, d_real = 0, d_fake = 0, d_class = 0, d = 0, g = 0;
    double masked_correct = 0, labelled = 0;
    double train_accuracy = -1, test_accuracy = -1;
    double validation_accuracy = -1, best_accuracy = -1, best_step = 0;  ///< best: of all epochs
  };
  struct Unread {
    int64_t step;
    double lr;
    int64_t labelled;
  };
  using Clock = std::chrono::steady_clock;
  std::vector<double> to_values(const Epoch& epoch) const;
  static Epoch from_values(const std::vector<double>& values);

  /// Of the steps taken since the last call: to the folder, the epoch's sums and the progress.
  void read_metrics(RunFolder& folder, Progress& progress);
  void require_finite(int64_t step, const Metrics& m) const;
  void finish_epoch(RunFolder& folder, Progress& progress, double lr);
  void write_live_report(const RunFolder& folder, double epoch_seconds);
  void save(RunFolder& folder);
  bool is_best() const;  ///< after the step that best.safetensors is of

  Options options_;
  RunSettings settings_;
  const ImageSet& test_;
  RunPlan plan_;
  ImageSet validation_;
  Trainer trainer_;
  std::string protocol_, data_;
  int64_t step_ = 0;
  Epoch epoch_;
  std::vector<Unread> unread_;  ///< steps whose metrics still lie on the device
  Clock::time_point start_ = Clock::now(), epoch_start_ = start_;  ///< of this session
  double report_seconds_ = 0, since_report_ = 0;                   ///< the last one took; since it
  double seconds_before_ = 0, epoch_seconds_before_ = 0;           ///< in earlier sessions
};

}  // namespace gradus::ssgan
