#pragma once

#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "apps/ssgan/options.h"
#include "tensor/device.h"

namespace CLI {
class App;
class Validator;
}  // namespace CLI

namespace gradus::ssgan {

/// Checks of a flag's value. CLI11's own let a NaN pass, wrap a negative number into an unsigned
/// one, and write out the largest double in messages.
CLI::Validator between(double low, double high);
CLI::Validator not_negative();  ///< finite, from 0 on
CLI::Validator a_seed();        ///< from 0 to 2^64 - 1
CLI::Validator a_count();       ///< from 1 to 1e9
CLI::Validator a_png();         ///< a name that ends in .png or in nothing
CLI::Validator one_of(const std::vector<std::string>& words);

/// Takes over what a flag says, where there is one.
template <class T, class Target>
void set(const std::optional<T>& flag, Target& target) {
  if (flag) target = static_cast<Target>(*flag);
}

/// The flags that change Options, each unset where the command line does not name it.
struct OptionFlags {
  std::optional<std::string> preset, networks, data, data_dir, labels, dropout, zero_as, relu2,
      dead_layers, class_loss;
  std::optional<std::string> eval_stats, test_images, schedule;
  std::optional<std::string> augment, gan_real, g_loss, consistency, eval_weights;
  std::optional<int64_t> epochs, batch_size, limit_batches, validation, patience;
  std::optional<int64_t> labelled_batch, unlabelled_batch, noise_batch;
  std::optional<double> gan_weight, pseudo_label, consistency_weight, ema;
  std::optional<double> loss_weights[std::size(kLossWeights)];
  std::optional<int> image_size, extra_class, g_size_mult, d_size_mult;
  std::optional<double> test_fraction, lr, lr_final, lr_flat, drop_rate;
  std::optional<uint64_t> seed;
  bool no_unlabeled = false, local_batch_norm = false;

  void add_data_dir(CLI::App& app);
  void add_data_set(CLI::App& app);    ///< --data, --data-dir
  void add_data(CLI::App& app);        ///< these, and how a checkpoint is evaluated on them
  void add_evaluation(CLI::App& app);  ///< --eval-stats, --eval-weights
  void add_image_size(CLI::App& app);
  void add_labels(CLI::App& app);  ///< --labels, --seed
  void add_network(CLI::App& app);
  void add_training(CLI::App& app);
  void add_objective(CLI::App& app);
  /// `base` with what the flags say; without `base` the preset's, `usual_preset` where no flag
  /// names one. Throws UsageError for flags that do not go together, DataError where the folder of
  /// --data folder cannot be used.
  Options resolve(const std::optional<Options>& base = {},
                  const char* usual_preset = "default") const;

 private:
  bool has_data_ = false;  // there is --data among the flags
  void require_data(const Options& options) const;
  void resolve_objective(Options& options) const;
};

/// The options of `app` that are in no group yet come under this heading of its help.
void group_options(CLI::App& app, const std::string& heading);
/// Their default, by preset, stands behind the text of each flag that changes Options; of what a
/// flag takes, words are listed and ranges left out.
void show_defaults(CLI::App& app);

/// Has so many CPU threads compute; 0: as many as OMP_NUM_THREADS says, or as there are processors.
/// Says so where a machine of this size must do with fewer.
void use_threads(int asked);

/// Flags that say where and how to compute, but not what.
struct RuntimeFlags {
  std::string device = "auto";
  int threads = 0;  ///< 0: OMP_NUM_THREADS, or all
  std::string precision = "fp32";
  bool no_graph = false;  ///< what the CPU does anyway
  bool allow_nondeterministic = false;

  void add(CLI::App& app);
  /// Applies the thread count and the device's options; the device to use, with a log line where
  /// auto chose it. Throws UsageError for a device that is none and TF32 on the CPU, DeviceError
  /// for a device that this machine has not.
  Device resolve() const;
};

}  // namespace gradus::ssgan
