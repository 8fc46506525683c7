#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "apps/ssgan/model/samples.h"
#include "apps/ssgan/model/trainer.h"
#include "apps/ssgan/options.h"
#include "apps/ssgan/report/tensorboard.h"
#include "apps/ssgan/run/run_checkpoints.h"
#include "apps/ssgan/run/run_lock.h"
#include "apps/ssgan/run/run_summary.h"
#include "tensor/file.h"

namespace gradus::ssgan {

/// A row of epochs.csv: means over the epoch's steps; accuracies in [0, 1] or NaN for none. Epochs
/// count from 0; `step` is how many were taken in all.
struct EpochRow {
  int64_t epoch, step;
  double lr;
  double d_real, d_fake, d_class, d, g;
  double train_accuracy, test_accuracy;
  double validation_accuracy;  ///< a column of runs that hold images out
  double seconds;              ///< the epoch took
};

/// What config.json says beside the options: bits depend on the conditions, and which checkpoints
/// there are on the last two (RunSettings).
struct RunConditions {
  int64_t threads = 0;
  std::string device;
  int64_t ranks = 1;
  std::string program = {}, libraries = {};  ///< and their versions
  int64_t save_every = 0, keep = 3;
};

/// How a run comes to its folder.
struct RunStart {
  enum class Kind { fresh, overwrite, resume } kind = Kind::fresh;
  int64_t step = 0;                            ///< taken so far
  int64_t per_epoch = 1;                       ///< steps
  std::vector<std::filesystem::path> damaged;  ///< later checkpoints, to be put aside
};

/// The folder that a run writes: config.json, metrics.jsonl, epochs.csv, log.txt, tb/, samples/,
/// checkpoints/, summary.json, report.html. Every line is in its file when a call returns, for
/// other programs to read; a file written as a whole, and the logs at a checkpoint, are on the
/// disk. No other process can write the run meanwhile. What writes throws OutputError that names
/// the file.
class RunFolder {
 public:
  /// Throws OutputError where a run of this kind cannot start in `path`: where it holds a run and
  /// the start is fresh, where it holds files called as a run's that are none, where another
  /// process writes a run there. Throws UsageError for the root folder, and to resume a run that
  /// was being replaced.
  static void require_startable(const std::filesystem::path& path, RunStart::Kind kind);
  /// Makes a folder that was not there: `path`, or with -2, -3, ... behind it.
  static std::filesystem::path make_new(const std::filesystem::path& path);
  /// As require_startable. overwrite: removes the run that `path` holds. resume: makes the logs end
  /// with the step; throws ReadError, before anything is touched, where one cannot be read.
  RunFolder(std::filesystem::path path, const Options& options, const RunConditions& conditions,
            const RunStart& start);

  const std::filesystem::path& path() const { return path_; }
  /// What there is to say of the start, a line each.
  const std::vector<std::string>& notes() const { return notes_; }

  /// A line of log.txt, without its end.
  void log(const std::string& line);
  /// A line of metrics.jsonl, for step `step` (1 is the first) of `epoch` (0 is the first); NaN is
  /// left out.
  void metrics(int64_t epoch, int64_t step, double lr, const Metrics& m);
  void epoch(const EpochRow& row);
  /// samples/epoch_NNN.png, and the same in tb/.
  void samples(int64_t epoch, int64_t step, const Picture& picture);
  /// A checkpoint, after the logs that lead to it are on the disk, and summary.json; `is_best`: the
  /// same as checkpoints/best.safetensors. Of older ones those remain that prune_checkpoints keeps.
  void checkpoint(const Checkpoint& checkpoint, const RunSummary& summary, bool is_best,
                  int64_t keep);

 private:
  void resume(const RunConditions& now, const RunStart& start);

  std::filesystem::path path_;
  std::unique_ptr<RunLock> lock_;
  std::string columns_;     ///< of epochs.csv
  int64_t first_step_ = 0;  ///< that the logs begin after
  std::vector<std::string> notes_;
  std::unique_ptr<GrowingFile> log_, metrics_, epochs_;
  std::unique_ptr<TensorBoardWriter> board_;
};

}  // namespace gradus::ssgan
