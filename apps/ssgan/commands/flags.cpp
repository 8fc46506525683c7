#include "apps/ssgan/commands/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/errors.h"

namespace gradus::ssgan {
namespace {

CLI::Validator number(const std::string& expected, std::function<bool(double)> is_valid) {
  return CLI::Validator(
      [expected, is_valid = std::move(is_valid)](std::string& text) {
        double v = 0;
        const bool ok = CLI::detail::lexical_cast(text, v) && std::isfinite(v) && is_valid(v);
        return ok ? "" : fmt::format("{}: expected {}", text, expected);
      },
      "");
}

}  // namespace

CLI::Validator between(double low, double high) {
  return number(fmt::format("a number from {:g} to {:g}", low, high),
                [=](double v) { return low <= v && v <= high; });
}

CLI::Validator not_negative() {
  return number("a number of 0 or more", [](double v) { return v >= 0; });
}

// CLI11 takes the largest number for any that is larger.
CLI::Validator a_seed() {
  return CLI::Validator(
      [](const std::string& text) {
        uint64_t seed = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
        const bool ok = error == std::errc() && end == text.data() + text.size();
        return ok ? "" : fmt::format("{}: expected a number from 0 to 2^64 - 1", text);
      },
      "");
}

CLI::Validator one_of(const std::vector<std::string>& words) { return CLI::IsMember(words); }

CLI::Validator a_count() { return between(1, 1e9); }

CLI::Validator a_png() {
  return CLI::Validator(
      [](const std::string& name) {
        std::string extension = std::filesystem::path(name).extension().string();
        std::ranges::transform(extension, extension.begin(),
                               [](unsigned char c) { return std::tolower(c); });
        const bool ok = extension.empty() || extension == ".png";
        return ok ? "" : fmt::format("{}: pictures are written as PNG; expected a name .png", name);
      },
      "");
}

CLI::App* add_command(CLI::App& program, const std::string& name, const std::string& description,
                      const std::string& example) {
  CLI::App* app = program.add_subcommand(name, description);
  app->footer("Example:\n  " + example);
  return app;
}

void OptionFlags::add_data_dir(CLI::App& app) {
  app.add_option("--data-dir", data_dir,
                 "Folder of the data set's files (else $GRADUS_DATA, else ~/.cache/gradus; mnist "
                 "and fashion-mnist in subfolders of these names)");
}

void OptionFlags::add_data_set(CLI::App& app) {
  app.add_option("--data", data,
                 "Data set: digits (drawn by this program), svhn, mnist, fashion-mnist, or folder "
                 "(of PNGs and JPEGs: DIR/train/CLASS/NAME.png and DIR/test/CLASS/NAME.png)")
      ->check(one_of({std::begin(kDataSets), std::end(kDataSets)}));
  add_data_dir(app);
  has_data_ = true;
  app.add_option("--test-fraction", test_fraction,
                 "Of a folder without test/: test on this share of each class, the same files each "
                 "time; DIR/CLASS/NAME.png will do then")
      ->check(between(0, kMostTestFraction));
}

void OptionFlags::add_data(CLI::App& app) {
  add_data_set(app);
  add_evaluation(app);
  app.add_option("--test-images", test_images,
                 "Of the official SVHN test file: all, or the first half as the notebook")
      ->check(one_of({"all", "notebook"}));
}

void OptionFlags::add_evaluation(CLI::App& app) {
  app.add_option("--eval-stats", eval_stats,
                 "Batch norm in evaluation: the batch's own statistics, or the running ones")
      ->check(one_of({"batch", "running"}));
  app.add_option("--eval-weights", eval_weights,
                 "D's weights in evaluation: their average (--ema), or the last ones")
      ->check(one_of({"ema", "last"}));
}

void OptionFlags::add_image_size(CLI::App& app) {
  app.add_option("--image-size", image_size,
                 "Pixels each way that the images of a folder are made: 32, or 64, for which both "
                 "networks have a layer more")
      ->check(CLI::IsMember(std::vector<int>(std::begin(kImageSizes), std::end(kImageSizes))));
}

void OptionFlags::add_network(CLI::App& app) {
  app.add_option("--preset", preset,
                 "default, tutorial (the printed program, with its mistakes), mended (without "
                 "them), augmented (and images changed at random), best (the most from few "
                 "labels), badgan or salimans2016 (of these papers)")
      ->check(one_of({std::begin(kPresets), std::end(kPresets)}));
  add_image_size(app);
  app.add_option("--networks", networks,
                 "tutorial, or salimans2016 (deeper, with weight norm; --g-size-mult 128 and "
                 "--d-size-mult 64 are that program's widths)")
      ->check(one_of({std::begin(kArchitectures), std::end(kArchitectures)}));
  app.add_option("--extra-class", extra_class, "1: a logit of its own for generated images")
      ->check(CLI::Range(0, 1));
  app.add_option("--class-loss", class_loss,
                 "With that logit: the class loss and the accuracy are over all logits, or over "
                 "those of the real classes")
      ->check(one_of({"all", "real"}));
  app.add_option("--g-size-mult", g_size_mult, "Width of the generator")
      ->check(CLI::Range(1, 1024));
  app.add_option("--d-size-mult", d_size_mult, "Width of the discriminator")
      ->check(CLI::Range(1, 1024));
  app.add_option("--zero-as", zero_as,
                 "Digit 0, labelled 10: raw (a class out of range) or class 0")
      ->check(one_of({"raw", "class"}));
  app.add_option("--dropout", dropout, "off: the drop rate never acts")
      ->check(one_of({"off", "on"}));
  app.add_option("--drop-rate", drop_rate,
                 "Dropout rate of layers 1 and 3; the input has rate / 2.5")
      ->check(between(0, 0.99));
  app.add_option("--relu2", relu2, "What relu2 reads")->check(one_of({"conv2", "bn2"}));
  app.add_option("--dead-layers", dead_layers, "Layers that reach no loss")
      ->check(one_of({"keep", "drop"}));
}

void OptionFlags::add_labels(CLI::App& app) {
  app.add_option("--seed", seed, "Seed of weights, batches, noise and labels")->check(a_seed());
  app.add_option("--labels", labels,
                 "Visible labels: first:N or per-class:N; of digits the default preset "
                 "has per-class:10");
}

void OptionFlags::add_training(CLI::App& app) {
  add_labels(app);
  app.add_option("--epochs", epochs, "Epochs in all, also on resume")->check(a_count());
  CLI::Option* size = app.add_option("--batch-size", batch_size, "Real images a step")
                          ->check(CLI::Range(2, 1 << 20));
  app.add_option("--labelled-batch,--labeled-batch,--labelled-per-batch", labelled_batch,
                 "Of these so many, at most all, are labelled images in the place of others: the "
                 "labelled stream. The rest is the unlabelled stream")
      ->check(between(0, 1e6));
  app.add_option("--unlabelled-batch,--unlabeled-batch", unlabelled_batch,
                 "Instead of --batch-size: so many real images beside the labelled stream")
      ->check(CLI::Range(1, 1 << 20))
      ->excludes(size);
  app.add_option("--noise-batch", noise_batch, "Generated images a step; 0: as many as real ones")
      ->check(CLI::Range(0, 1 << 20));
  app.add_option("--limit-batches", limit_batches, "At most so many steps an epoch")
      ->check(between(0, 1e9));
  app.add_option("--validation", validation,
                 "Hold out so many of the visible labels' images: not trained on, they choose "
                 "checkpoints/best.safetensors")
      ->check(between(0, 1e9));
  app.add_option("--patience", patience,
                 "Stop after so many epochs without a better score on them; 0: never")
      ->check(between(0, 1e9));
  app.add_option("--lr", lr, "Learning rate at the start")
      ->check(number("a number above 0", [](double v) { return v > 0; }));
  app.add_option("--schedule", schedule,
                 "Learning rate over the run: constant, exponential, linear, cosine, or staircase "
                 "(times lr-final an epoch)")
      ->check(one_of({"constant", "exponential", "linear", "cosine", "staircase"}));
  app.add_option("--lr-final", lr_final, "Learning rate at the end, as a factor of the start")
      ->check(between(0, 1));
  app.add_option("--lr-flat", lr_flat, "linear: part of the run before the rate falls")
      ->check(between(0, 0.999));
  app.add_flag("--no-unlabeled,--no-unlabelled", no_unlabeled,
               "The supervised baseline: D alone, on the labelled images, as many steps");
  app.add_flag("--local-batch-norm", local_batch_norm,
               "Under mpirun or srun: batch norm by the statistics of each rank's part of a batch, "
               "which costs fewer messages and computes something else");
}

void OptionFlags::require_data(const Options& o) const {
  require<UsageError>(o.data != "folder" || !o.data_dir.empty(),
                      "--data folder: name the folder with --data-dir");
  require<UsageError>(
      !data_dir || o.data != "digits",
      "--data-dir {}: the digits are drawn by the program; to read a folder, name its "
      "kind with --data svhn, mnist, fashion-mnist or folder",
      data_dir.value_or(""));
  require<UsageError>(!zero_as || has_raw_zeros(o),
                      "--zero-as: {} has no digit that is labelled 10", o.data);
  require<UsageError>(!test_images || o.data == "svhn",
                      "--test-images: the notebook has a part of SVHN's test file alone");
  require<UsageError>(!has_data_ || o.network.image_size == kTutorialSize || o.data == "folder",
                      "--image-size {}: {} has images of {} pixels; only folders have others",
                      o.network.image_size, o.data, kTutorialSize);
  require<UsageError>(!test_fraction || o.data == "folder",
                      "--test-fraction: {} has a test set of its own; only folders are split",
                      o.data);
}

Options OptionFlags::resolve(const std::optional<Options>& base, const char* usual_preset) const {
  Options o = base ? *base : gradus::ssgan::preset(preset.value_or(usual_preset));
  if (base && preset && *preset != base->preset)
    throw UsageError(
        fmt::format("--preset {}: this run is of the preset {}", *preset, base->preset));
  set(data, o.data);
  if (data_dir) o.data_dir = std::filesystem::absolute(*data_dir).string();
  set(seed, o.seed);
  set(epochs, o.epochs);
  set(batch_size, o.batch_size);
  set(limit_batches, o.limit_batches);
  set(labelled_batch, o.labelled_batch);
  if (unlabelled_batch) o.batch_size = o.labelled_batch + *unlabelled_batch;
  if (!base && batch_size && !labelled_batch &&
      !unlabelled_batch) {  // a small batch has both streams, too
    o.labelled_batch = std::min(o.labelled_batch, o.batch_size / 2);
    o.noise_batch = std::min(o.noise_batch, o.batch_size);
  }
  set(noise_batch, o.noise_batch);
  set(validation, o.validation);
  set(patience, o.patience);
  require<UsageError>(o.patience == 0 || o.validation > 0,
                      "--patience: it needs images to be held out, --validation N");
  set(lr, o.schedule.start);
  set(lr_final, o.schedule.final);
  set(lr_flat, o.schedule.flat);
  set(test_fraction, o.test_fraction);
  set(image_size, o.network.image_size);
  if (networks)
    o.network.architecture =
        *networks == "tutorial" ? Architecture::tutorial : Architecture::salimans2016;
  require<UsageError>(
      o.network.architecture == Architecture::tutorial || o.network.image_size == kTutorialSize,
      "--networks salimans2016: they are for images of {} pixels; leave --image-size {} out",
      kTutorialSize, o.network.image_size);
  set(drop_rate, o.network.drop_rate);
  set(extra_class, o.network.extra_class);
  if (class_loss) o.network.scores_with_fake = *class_loss == "all";
  require<UsageError>(!class_loss || o.network.extra_class == 1,
                      "--class-loss: without a logit for generated images there is nothing to "
                      "choose; add --extra-class 1");
  set(g_size_mult, o.network.g_size_mult);
  set(d_size_mult, o.network.d_size_mult);
  if (dropout) o.dropout = *dropout == "on";
  if (drop_rate && !o.dropout)
    throw UsageError("--drop-rate: dropout is off, so it has no effect; add --dropout on");
  if (zero_as) o.zero_as = *zero_as == "raw" ? ZeroAs::raw : ZeroAs::klass;
  if (relu2) o.network.relu2_reads_bn2 = *relu2 == "bn2";
  if (dead_layers) o.network.keep_dead_layers = *dead_layers == "keep";
  if (eval_stats) o.running_stats = *eval_stats == "running";
  if (test_images) o.notebook_test_set = *test_images == "notebook";
  if (schedule) o.schedule.kind = schedule_kind(*schedule);
  if (no_unlabeled) o.unlabeled = false;
  if (local_batch_norm) o.local_batch_norm = true;
  require_data(o);
  resolve_objective(o);
  if (!base) fit_to_data(o);
  try {
    if (labels) o.labels = parse_label_choice(*labels);
  } catch (const Error& e) {
    throw UsageError(fmt::format("--{}", e.what()));
  }
  return o;
}

void group_options(CLI::App& app, const std::string& heading) {
  for (CLI::Option* o : app.get_options())
    if (o->get_group() == app.get_help_ptr()->get_group() && o != app.get_help_ptr())
      o->group(heading);
}

void show_defaults(CLI::App& app) {
  std::vector<std::pair<std::string, nlohmann::ordered_json>> presets;
  for (const char* name : kPresets) presets.emplace_back(name, to_json(preset(name)));
  const nlohmann::ordered_json& usual = presets.front().second;
  const auto text = [](const nlohmann::ordered_json& v) {
    return v.is_string() ? v.get<std::string>() : v.dump();
  };
  for (CLI::Option* o : app.get_options()) {
    const std::string type = o->get_type_name();
    const size_t brace = type.find('{');
    if (brace != type.npos)
      o->option_text(type.substr(brace));
    else if (!type.empty())
      o->option_text(type == "TEXT" ? type : "N");
    std::string key = o->get_lnames().empty() ? "" : o->get_lnames().front();
    std::ranges::replace(key, '-', '_');
    if (!usual.contains(key) || o->get_type_size() == 0) {
      if (const std::string value = o->get_default_str(); !value.empty() && o->get_type_size() > 0)
        o->description(fmt::format("{} [{}]", o->get_description(), value));
      continue;
    }
    std::string defaults = text(usual[key]), others;
    for (const auto& [name, options] : presets)
      if (options[key] != usual[key] && key != "preset")
        others += fmt::format("{}{} {}", others.empty() ? "; " : ", ", name, text(options[key]));
    if (!defaults.empty())
      o->description(fmt::format("{} [{}{}]", o->get_description(), defaults, others));
  }
}

}  // namespace gradus::ssgan
