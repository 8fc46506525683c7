#pragma once

#include <filesystem>
#include <optional>

#include "apps/ssgan/run/run.h"
#include "apps/ssgan/run/run_checkpoints.h"

namespace gradus::ssgan {

/// What `ssgan train` is asked for.
struct Training {
  Options options;
  RunSettings settings;
  std::filesystem::path out;         ///< empty: a new folder below runs/
  std::optional<Resumption> resume;  ///< where to go on from
  bool overwrite = false;
  /// Afterwards the supervised baseline, in out/baseline, and where D learns from unlabelled images
  /// in other ways, too, the same run without its generator, in out/without-gan.
  bool baseline = false;
  bool dry_run = false;  ///< print the configuration and stop
};

/// Trains, prints the summary and returns the exit status: kStopped + the signal where one asked to
/// stop (signals.h). Throws as RunFolder, Run and load_images.
int train(Training training);

}  // namespace gradus::ssgan
