#include "apps/ssgan/options.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>
#include <type_traits>
#include <utility>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/utf8.h"
#include "autograd/augment.h"

namespace gradus::ssgan {
namespace {

Options tutorial() {
  Options o;
  o.preset = "tutorial";
  o.network.drop_rate = 0.5;
  o.dropout = false;
  o.zero_as = ZeroAs::raw;
  o.running_stats = false;
  o.notebook_test_set = true;
  o.labels = {LabelChoice::Kind::first, 1000};
  o.schedule = {.kind = Schedule::Kind::staircase, .start = 3e-4, .final = 0.9};
  return o;
}

Options mended() {
  Options o;
  o.preset = "mended";
  o.network.drop_rate = 0.2;
  o.network.relu2_reads_bn2 = true;
  o.network.keep_dead_layers = false;
  o.network.scores_with_fake = false;
  o.labels = {LabelChoice::Kind::per_class, 100};
  o.labelled_batch = 32;
  o.epochs = 20;
  o.schedule = {.kind = Schedule::Kind::exponential, .start = 1.2e-3, .final = 0.467};
  return o;
}

/// The mended program, all images that D trains on changed at random, evaluated by an average of
/// its weights.
Options augmented() {
  Options o = mended();
  o.preset = "augmented";
  o.objective.augment = "strong";
  o.network.drop_rate = 0.1;
  o.ema = 0.999;
  o.eval_ema = true;
  o.epochs = 60;
  o.schedule = {.kind = Schedule::Kind::cosine, .start = 1.2e-3, .final = 0};
  return o;
}

/// The same, where the average teaches D classes of unlabelled images, too, and the generator's
/// part is small.
Options usual() {
  Options o = augmented();
  o.preset = "default";
  o.objective.pseudo_label = 0.7;  // a run this short is seldom surer
  o.objective.gan_weight = 0.1;
  o.noise_batch = 64;
  o.epochs = 20;
  return o;
}

/// The mended program with the losses of Dai et al. 2017, "Good semi-supervised learning that
/// requires a bad GAN", at the weights of their program for SVHN.
Options bad_gan() {
  Options o = mended();
  o.preset = "badgan";
  o.objective.entropy = 0.1;
  o.objective.pull_away = 0.8;
  return o;
}

/// `usual` without a generator, longer, by a wider discriminator, and taught by the surest answers
/// alone.
Options best() {
  Options o = usual();
  o.preset = "best";
  o.network.d_size_mult = 96;
  o.objective.pseudo_label = 0.95;
  o.objective.gan_weight = 0;
  o.noise_batch = 0;
  o.epochs = 220;
  return o;
}

/// Salimans et al. 2016, "Improved techniques for training GANs", as their program trains on SVHN:
/// 658,800 steps on its 73,257 images.
Options salimans2016() {
  Options o = mended();
  o.preset = "salimans2016";
  o.network.architecture = Architecture::salimans2016;
  o.network.g_size_mult = 128;
  o.network.d_size_mult = 64;
  o.network.drop_rate = 0.5;
  o.objective.gan_weight = 0.5;
  o.objective.gan_real = GanReal::unlabelled;
  o.batch_size = 200;
  o.labelled_batch = o.noise_batch = 100;
  o.ema = 0.9999;
  o.eval_ema = true;
  o.epochs = 1800;
  o.schedule = {.kind = Schedule::Kind::linear, .start = 3e-4, .final = 0, .flat = 2.0 / 3};
  return o;
}

template <class T>
void read(const nlohmann::ordered_json& json, const char* key, T& value) {
  require<DataError>(json.is_object() && json.contains(key), "configuration: no key {}", key);
  // nlohmann's conversions cut what does not fit.
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    const auto& number = json.at(key);
    const bool fits = number.is_number_unsigned()
                          ? std::in_range<T>(number.get<uint64_t>())
                          : number.is_number_integer() && std::in_range<T>(number.get<int64_t>());
    require<DataError>(fits, "configuration: key {}: {} is no whole number that fits", key,
                       number.dump());
  }
  try {
    json.at(key).get_to(value);
  } catch (const nlohmann::json::exception& e) {
    throw DataError(fmt::format("configuration: key {}: {}", key, e.what()));
  }
}

/// One of these words.
void read(const nlohmann::ordered_json& json, const char* key, std::string& word,
          std::span<const char* const> words) {
  read(json, key, word);
  require<DataError>(std::ranges::count(words, word) > 0, "configuration: {} is {}, none of {}",
                     key, word, fmt::join(words, ", "));
}

/// One of two words, as the command line spells them.
template <class T>
void read(const nlohmann::ordered_json& json, const char* key, T& value, const char* first,
          T first_value, const char* second, T second_value) {
  std::string word;
  read(json, key, word);
  require<DataError>(word == first || word == second, "configuration: {} is {}, not {} or {}", key,
                     word, first, second);
  value = word == first ? first_value : second_value;
}

}  // namespace

Options preset(const std::string& name) {
  if (name == "tutorial") return tutorial();
  if (name == "mended") return mended();
  if (name == "augmented") return augmented();
  if (name == "badgan") return bad_gan();
  if (name == "best") return best();
  if (name == "salimans2016") return salimans2016();
  require<Error>(name == "default", "preset {}: expected {}", name, fmt::join(kPresets, ", "));
  return usual();
}

NetworkOptions network_of(const Options& o) {
  NetworkOptions n = o.network;
  if (!o.dropout) n.drop_rate = 0;
  return n;
}

Objective objective_of(const Options& o) {
  Objective objective = o.objective;
  if (!o.unlabeled) {
    objective.gan_weight = objective.pseudo_label = objective.entropy = objective.vat = 0;
    objective.mean_teacher = false;
  }
  return objective;
}

bool has_gan(const Options& o) { return objective_of(o).has_gan(); }

nlohmann::ordered_json to_json(const Options& o) {
  const NetworkOptions& n = o.network;
  nlohmann::ordered_json names = nlohmann::json::array();
  for (const std::string& name : o.class_names) names.push_back(path_to_json(name));
  nlohmann::ordered_json json = {
      {"preset", o.preset},
      {"data", o.data},
      {"data_dir", path_to_json(o.data_dir)},
      {"test_fraction", o.test_fraction},
      {"seed", o.seed},
      {"epochs", o.epochs},
      {"batch_size", o.batch_size},
      {"limit_batches", o.limit_batches},
      {"labels", to_string(o.labels)},
      {"labelled_batch", o.labelled_batch},
      {"noise_batch", o.noise_batch},
      {"unlabeled", o.unlabeled},
      {"augment", o.objective.augment},
      {"gan_weight", o.objective.gan_weight},
      {"gan_real", o.objective.gan_real == GanReal::all ? "all" : "unlabelled"},
      {"g_loss", kGLosses[static_cast<int>(o.objective.g_loss)]},
      {"pseudo_label", o.objective.pseudo_label},
      {"consistency", o.objective.mean_teacher ? "mse" : "none"},
      {"consistency_weight", o.objective.consistency_weight},
      {"ema", o.ema},
      {"eval_weights", o.eval_ema ? "ema" : "last"},
      {"validation", o.validation},
      {"patience", o.patience},
      {"lr", o.schedule.start},
      {"schedule", to_string(o.schedule.kind)},
      {"lr_final", o.schedule.final},
      {"lr_flat", o.schedule.flat},
      {"beta1", o.beta1},
      {"batch_norm", o.local_batch_norm ? "local" : "whole"},
      {"zero_as", o.zero_as == ZeroAs::raw ? "raw" : "class"},
      {"dropout", o.dropout ? "on" : "off"},
      {"drop_rate", n.drop_rate},
      {"relu2", n.relu2_reads_bn2 ? "bn2" : "conv2"},
      {"dead_layers", n.keep_dead_layers ? "keep" : "drop"},
      {"eval_stats", o.running_stats ? "running" : "batch"},
      {"test_images", o.notebook_test_set ? "notebook" : "all"},
      {"networks", kArchitectures[static_cast<int>(n.architecture)]},
      {"image_size", n.image_size},
      {"classes", n.num_classes},
      {"class_names", names},
      {"extra_class", n.extra_class},
      {"class_loss", n.scores_with_fake ? "all" : "real"},
      {"g_size_mult", n.g_size_mult},
      {"d_size_mult", n.d_size_mult}};
  for (const LossWeight& w : kLossWeights) json[w.name] = o.objective.*w.weight;
  return json;
}

Options options_from_json(const nlohmann::ordered_json& json) {
  Options o;
  NetworkOptions& n = o.network;
  std::string labels, kind;
  read(json, "preset", o.preset, kPresets);
  read(json, "data", o.data, kDataSets);
  read(json, "data_dir", o.data_dir);
  o.data_dir = path_from_json(o.data_dir);
  read(json, "seed", o.seed);
  read(json, "epochs", o.epochs);
  read(json, "batch_size", o.batch_size);
  read(json, "limit_batches", o.limit_batches);
  read(json, "labels", labels);
  read(json, json.contains("labelled_batch") ? "labelled_batch" : "labelled_per_batch",
       o.labelled_batch);
  read(json, "unlabeled", o.unlabeled);
  if (json.contains("augment")) {  // checkpoints of earlier programs have none of these
    Objective& objective = o.objective;
    read(json, "augment", objective.augment);
    read(json, "gan_weight", objective.gan_weight);
    read(json, "gan_real", objective.gan_real, "all", GanReal::all, "unlabelled",
         GanReal::unlabelled);
    read(json, "pseudo_label", objective.pseudo_label);
    read(json, "consistency", objective.mean_teacher, "mse", true, "none", false);
    read(json, "consistency_weight", objective.consistency_weight);
    std::string g_loss = "match";
    if (json.contains("g_loss")) read(json, "g_loss", g_loss, kGLosses);
    objective.g_loss =
        static_cast<GLoss>(std::ranges::find(kGLosses, g_loss) - std::begin(kGLosses));
    for (const LossWeight& w : kLossWeights)
      if (json.contains(w.name)) read(json, w.name, objective.*w.weight);
    read(json, "noise_batch", o.noise_batch);
    read(json, "ema", o.ema);
    read(json, "eval_weights", o.eval_ema, "ema", true, "last", false);
  }
  // Version 0.1.0 had none of these.
  if (json.contains("validation")) read(json, "validation", o.validation);
  if (json.contains("patience")) read(json, "patience", o.patience);
  if (json.contains("test_fraction")) read(json, "test_fraction", o.test_fraction);
  if (json.contains("image_size")) read(json, "image_size", n.image_size);
  if (json.contains("batch_norm"))
    read(json, "batch_norm", o.local_batch_norm, "local", true, "whole", false);
  if (json.contains("networks"))
    read(json, "networks", n.architecture, kArchitectures[0], Architecture::tutorial,
         kArchitectures[1], Architecture::salimans2016);
  read(json, "lr", o.schedule.start);
  read(json, "schedule", kind);
  read(json, "lr_final", o.schedule.final);
  read(json, "lr_flat", o.schedule.flat);
  read(json, "beta1", o.beta1);
  read(json, "zero_as", o.zero_as, "raw", ZeroAs::raw, "class", ZeroAs::klass);
  read(json, "dropout", o.dropout, "on", true, "off", false);
  read(json, "drop_rate", n.drop_rate);
  read(json, "relu2", n.relu2_reads_bn2, "bn2", true, "conv2", false);
  read(json, "dead_layers", n.keep_dead_layers, "keep", true, "drop", false);
  read(json, "eval_stats", o.running_stats, "running", true, "batch", false);
  read(json, "test_images", o.notebook_test_set, "notebook", true, "all", false);
  if (json.contains("classes")) read(json, "classes", n.num_classes);  // version 0.1.0 had 10
  if (json.contains("class_names")) read(json, "class_names", o.class_names);
  for (std::string& name : o.class_names) name = path_from_json(name);
  read(json, "extra_class", n.extra_class);
  if (json.contains("class_loss"))  // version 0.1.0 had "all"
    read(json, "class_loss", n.scores_with_fake, "all", true, "real", false);
  read(json, "g_size_mult", n.g_size_mult);
  read(json, "d_size_mult", n.d_size_mult);
  try {
    o.labels = parse_label_choice(labels);
    o.schedule.kind = schedule_kind(kind);
    augmentation(o.objective.augment);
  } catch (const Error& e) {
    throw DataError(fmt::format("configuration: {}", e.what()));
  }
  // A damaged file must not ask for networks without channels or for endless memory.
  const auto in = [](const char* key, double value, double low, double high) {
    require<DataError>(low <= value && value <= high, "configuration: {} is {}, not {} to {}", key,
                       value, low, high);
  };
  in("epochs", double(o.epochs), 1, 1e9);
  in("batch_size", double(o.batch_size), 2, 1 << 20);
  in("labelled_batch", double(o.labelled_batch), 0, 1e6);
  in("noise_batch", double(o.noise_batch), 0, 1 << 20);
  in("gan_weight", o.objective.gan_weight, 0, 1e6);
  in("pseudo_label", o.objective.pseudo_label, 0, 1);
  in("consistency_weight", o.objective.consistency_weight, 0, 1e6);
  for (const LossWeight& w : kLossWeights) in(w.name, o.objective.*w.weight, 0, 1e6);
  in("ema", o.ema, 0, 0.999999);
  in("limit_batches", double(o.limit_batches), 0, 1e15);
  in("validation", double(o.validation), 0, 1e9);
  in("patience", double(o.patience), 0, 1e9);
  in("test_fraction", o.test_fraction, 0, kMostTestFraction);
  require<DataError>(std::ranges::count(kImageSizes, n.image_size) > 0,
                     "configuration: image_size is {}, not {}", n.image_size,
                     fmt::join(kImageSizes, " or "));
  require<DataError>(n.architecture == Architecture::tutorial || n.image_size == kTutorialSize,
                     "configuration: networks salimans2016 have no image_size {}", n.image_size);
  in("drop_rate", n.drop_rate, 0, 0.99);
  in("classes", n.num_classes, 2, 1000);
  require<DataError>(o.class_names.empty() || std::cmp_equal(o.class_names.size(), n.num_classes),
                     "configuration: {} class_names, but {} classes", o.class_names.size(),
                     n.num_classes);
  in("extra_class", n.extra_class, 0, 1);
  require<DataError>(o.ema > 0 || !(o.eval_ema || o.objective.has_teacher()),
                     "configuration: ema is 0, but the average teaches or is evaluated");
  in("g_size_mult", n.g_size_mult, 1, 1024);
  in("d_size_mult", n.d_size_mult, 1, 1024);
  return o;
}

}  // namespace gradus::ssgan
