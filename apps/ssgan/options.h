#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/ssgan/data/visible_labels.h"
#include "apps/ssgan/model/objective.h"
#include "nn/schedule.h"

namespace gradus::ssgan {

/// What a run computes: everything here is written to its config.json and checkpoints, and a
/// resumed run must agree on the network.
struct Options {
  std::string preset = "default";
  std::string data = "digits";  ///< see data.h
  std::string data_dir;         ///< empty: looked up (nn/data/data_folder.h, mnist.h)
  double test_fraction = 0;     ///< of each class of a folder, to test on; 0: it has a test set
  /// By class, those that it learns; as files of version 0.1.0, which had none: empty.
  std::vector<std::string> class_names;
  NetworkOptions network;
  bool dropout = true;  ///< false: network.drop_rate never acts
  ZeroAs zero_as = ZeroAs::klass;
  bool running_stats = true;       ///< evaluation by running statistics, not the batch's own
  bool notebook_test_set = false;  ///< of the official test file, its first half alone
  LabelChoice labels;
  bool unlabeled = true;  ///< false: the supervised baseline
  Objective objective;
  double ema = 0;  ///< in [0, 1): the decay of an average of D's weights; 0: none, and no teacher
  bool eval_ema = false;   ///< evaluation by that average
  int64_t validation = 0;  ///< so many of the labelled images are not trained on
  int64_t patience = 0;    ///< epochs without a better score on these that end the run; 0: none do
  int64_t epochs = 25;
  int64_t batch_size = 128;  ///< real images a step
  /// Of these the labelled stream's: labelled images in the place of others, at most all. What is
  /// left is the unlabelled stream, whose images may show their label, too.
  int64_t labelled_batch = 0;
  int64_t noise_batch = 0;    ///< noise vectors a step; 0: as many as real images
  int64_t limit_batches = 0;  ///< per epoch; 0: all
  Schedule schedule;
  double beta1 = 0.5;  ///< of both Adams, in [0, 1)
  /// Where a batch is split over ranks, each normalises by the statistics of its own part.
  bool local_batch_norm = false;
  uint64_t seed = 1;
};

inline constexpr double kMostTestFraction = 0.9;

/// What presets are called.
inline constexpr const char* kPresets[] = {"default", "tutorial", "mended",      "augmented",
                                           "best",    "badgan",   "salimans2016"};
/// docs/ssgan.md tells of each; throws Error for another name.
Options preset(const std::string& name);

/// The network as these options have it: a drop rate of 0 where dropout is off.
NetworkOptions network_of(const Options& options);
/// The objective as these options have it: without unlabelled images neither a GAN nor a teacher.
Objective objective_of(const Options& options);
/// Whether there is a generator that learns.
bool has_gan(const Options& options);

nlohmann::ordered_json to_json(const Options& options);
/// The reverse. Throws DataError that names the key where one is missing, of the wrong type, or a
/// word or size out of range. schedule.every is not among them: RunPlan sets it.
Options options_from_json(const nlohmann::ordered_json& json);

}  // namespace gradus::ssgan
