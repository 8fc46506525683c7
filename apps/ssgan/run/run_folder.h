#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "apps/ssgan/model/samples.h"
#include "apps/ssgan/model/trainer.h"
#include "apps/ssgan/options.h"
#include "apps/ssgan/report/tensorboard.h"

namespace gradus::ssgan {

/// A row of epochs.csv: means over the epoch's steps; accuracies in [0, 1] or NaN for none. Epochs
/// count from 0; `step` is how many were taken in all.
struct EpochRow {
  int64_t epoch, step;
  double lr;
  double d_real, d_fake, d_class, d, g;
  double train_accuracy, test_accuracy;
  double seconds;  ///< the epoch took
};

/// The folder that a run writes: config.json, metrics.jsonl, epochs.csv, log.txt, tb/, samples/,
/// checkpoints/, summary.json, report.html. Every line is in its file when a call returns, for
/// other programs to read; a file written as a whole, and tb/ at the end of an epoch, are on the
/// disk. What writes throws OutputError that names the file.
class RunFolder {
 public:
  enum class Start { fresh, overwrite, resume };
  /// Throws OutputError where `path` holds a run and `start` is fresh.
  static void require_startable(const std::filesystem::path& path, Start start);
  /// fresh: as require_startable. overwrite: removes the run that `path` holds. resume: cuts what
  /// metrics.jsonl and epochs.csv say beyond `step`, and goes on behind it.
  RunFolder(std::filesystem::path path, const Options& options, Start start, int64_t step);

  const std::filesystem::path& path() const { return path_; }
  /// checkpoints/step_NNNNNNNN.safetensors; `step` is how many were taken.
  std::filesystem::path checkpoint_path(int64_t step) const;

  /// A line of log.txt, without its end.
  void log(const std::string& line);
  /// A line of metrics.jsonl, for step `step` (1 is the first) of `epoch` (0 is the first); NaN is
  /// left out.
  void metrics(int64_t epoch, int64_t step, double lr, const Metrics& m);
  void epoch(const EpochRow& row);
  /// samples/epoch_NNN.png, and the same in tb/.
  void samples(int64_t epoch, int64_t step, const Picture& picture);
  /// Replaces summary.json.
  void summary(const std::string& json);

 private:
  class Lines {
   public:
    void open(const std::filesystem::path& path, const char* mode);
    void write(const std::string& text);

   private:
    struct Close {
      void operator()(std::FILE* f) const { std::fclose(f); }
    };
    std::string name_;
    std::unique_ptr<std::FILE, Close> file_;
  };

  std::filesystem::path path_;
  Lines log_, metrics_, epochs_;
  std::unique_ptr<TensorBoardWriter> board_;
};

}  // namespace gradus::ssgan
