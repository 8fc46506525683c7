#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/model/frechet.h"
#include "apps/ssgan/model/neighbours.h"
#include "apps/ssgan/model/samples.h"
#include "apps/ssgan/model/scores.h"
#include "apps/ssgan/report/score_pictures.h"
#include "apps/ssgan/run/run_checkpoints.h"
#include "apps/ssgan/utf8.h"
#include "nn/data/png.h"

namespace gradus::ssgan {
namespace {

using Json = nlohmann::ordered_json;
constexpr int64_t kMistakes = 40;  // shown, at most

struct EvalRequest {
  std::vector<Checkpoint> members;  ///< one, or those of an ensemble
  Options options;                  ///< of the first, and of the data
  Device device;
  std::optional<Checkpoint> generated;  ///< whose generator is measured, too
  bool json = false;
  std::filesystem::path confusion, mistakes;  ///< pictures; empty: none
};

/// By one kind of batch norm's statistics.
struct Outcome {
  std::string statistics;
  std::vector<double> accuracies;  ///< of each member
  Predictions predictions;         ///< of all together
};

Outcome evaluate(const EvalRequest& r, const ImageSet& test, Statistics statistics) {
  Outcome out{statistics == Statistics::running ? "running" : "batch", {}, {}};
  std::vector<Predictions> all;
  for (const Checkpoint& member : r.members) {
    Discriminator discriminator(network_of(member.options), DType::f32, r.device);
    load_network(member, "discriminator.", discriminator);
    all.push_back(predict(discriminator, test.images, statistics));
    out.accuracies.push_back(accuracy(all.back(), test.labels));
  }
  out.predictions = mean_of(all);
  return out;
}

/// How far generated images are from the test images, and, to compare, one half of these from the
/// other.
struct Likeness {
  struct Distances {
    double frechet, mean_features;  ///< by D's features
  } generated, halves;
  int64_t features;
  int64_t compared;  ///< of each kind, for their neighbours
  Neighbours neighbours;
};

Likeness likeness_of_generated(const EvalRequest& r, const ImageSet& test, Statistics statistics) {
  constexpr int64_t kMostCompared = 2000;  // each image with each
  const Checkpoint& c = *r.generated;
  require<UsageError>(has_gan(c.options), "--generated {}: its run trains no generator",
                      c.path.string());
  require<DataError>(test.count() >= 4, "--generated: {} test images are too few", test.count());
  const Checkpoint& judge = r.members.front();
  Discriminator discriminator(network_of(judge.options), DType::f32, r.device);
  load_network(judge, "discriminator.", discriminator);
  Generator generator(network_of(c.options), DType::f32, r.device);
  load_network(c, "generator.", generator);
  const Tensor generated =
      sample_images(generator, test.count(), r.options.seed, Statistics::batch);
  const Features real = features_of(discriminator, test.images, statistics),
                 fake = features_of(discriminator, generated, statistics);
  const auto distances = [](const Features& a, const Features& b) {
    return Likeness::Distances{frechet_distance(a, b), mean_distance(a, b)};
  };
  const int64_t half = real.count() / 2, compared = std::min(test.count(), kMostCompared);
  return {distances(real, fake), distances(real.part(0, half), real.part(half, real.count())),
          real.size, compared, neighbours_of(test.images, generated, compared)};
}

Json to_json(const Likeness& l, const Checkpoint& generator) {
  return {{"checkpoint", generator.path.string()},
          {"frechet_distance", l.generated.frechet},
          {"frechet_distance_of_halves", l.halves.frechet},
          {"mean_features_distance", l.generated.mean_features},
          {"mean_features_distance_of_halves", l.halves.mean_features},
          {"neighbours",
           {{"images", l.compared},
            {"generated_from_real", l.neighbours.generated_from_real},
            {"real_from_real", l.neighbours.real_from_real},
            {"generated_by_generated", l.neighbours.generated_by_generated},
            {"real_by_real", l.neighbours.real_by_real}}}};
}

void print(const Likeness& l) {
  fmt::print("\n{:44} {:>10} {:>14}\n", "test images compared with", "generated", "one another");
  const auto row = [](const std::string& what, double generated, double real) {
    fmt::print("{:44} {:>10.4g} {:>14.4g}\n", what, generated, real);
  };
  row(fmt::format("Fréchet distance of this D's {} features", l.features), l.generated.frechet,
      l.halves.frechet);
  row("distance of mean features / their size", l.generated.mean_features, l.halves.mean_features);
  row("pixels: distance of the nearest test image", l.neighbours.generated_from_real,
      l.neighbours.real_from_real);
  fmt::print(
      "The nearest image is of the same kind for {:.1f} % of the generated and {:.1f} % of the "
      "test "
      "images\n(50 %: they cannot be told apart; {} of each, by the bytes of their pixels).\n",
      100 * l.neighbours.generated_by_generated, 100 * l.neighbours.real_by_real, l.compared);
}

/// Throws DataError where a member of an ensemble learned other classes than the first.
void require_alike(const std::vector<Checkpoint>& members) {
  const Options& first = members.front().options;
  for (const Checkpoint& m : members)
    require<DataError>(m.options.network.num_classes == first.network.num_classes &&
                           m.options.network.extra_class == first.network.extra_class &&
                           m.options.class_names == first.class_names &&
                           m.options.zero_as == first.zero_as,
                       "{}: of other classes than {}; an ensemble has one set of them",
                       m.path.string(), members.front().path.string());
}

std::string protocol_of(const EvalRequest& r, const ImageSet& test) {
  return fmt::format("{}; {}{} statistics{}", test.protocol,
                     r.members.size() > 1 ? fmt::format("{} networks; ", r.members.size()) : "",
                     r.options.running_stats ? "running" : "batch", zero_protocol(r.options));
}

/// Where "generated" is a class among the others: the accuracy when it is left out.
std::optional<double> accuracy_among_real(const EvalRequest& r, const ImageSet& test,
                                          Predictions p) {
  const int64_t real = r.options.network.num_classes;
  if (p.classes == real || p.told == real) return {};
  p.told = real;
  return accuracy(p, test.labels);
}

Json to_json(const EvalRequest& r, const ImageSet& test, const std::vector<Outcome>& outcomes,
             const Scores& s, const std::vector<std::string>& names) {
  Json json{{"checkpoint", r.members.front().path.string()},
            {"protocol", protocol_of(r, test)},
            {"images", test.count()},
            {"accuracy", s.accuracy},
            {"accuracy_by_statistics", Json::object()},
            {"calibration_error", s.calibration_error},
            {"calibration", Json::array()},
            {"classes", Json::array()},
            {"confusion", Json::array()},
            {"mistakes", Json::array()}};
  for (const Outcome& o : outcomes)
    json["accuracy_by_statistics"][o.statistics] = accuracy(o.predictions, test.labels);
  if (const auto among = accuracy_among_real(r, test, outcomes.front().predictions))
    json["accuracy_among_real"] = *among;
  if (r.members.size() > 1)
    for (size_t m = 0; m < r.members.size(); ++m)
      json["ensemble"].push_back({{"checkpoint", r.members[m].path.string()},
                                  {"accuracy", outcomes.front().accuracies[m]}});
  for (const CalibrationBin& bin : s.calibration)
    json["calibration"].push_back(
        {{"images", bin.images}, {"confidence", bin.confidence}, {"accuracy", bin.accuracy}});
  for (int64_t c = 0; c < s.classes; ++c) {
    json["classes"].push_back(
        {{"name", names[size_t(c)]}, {"images", s.images_of(c)}, {"accuracy", s.accuracy_of(c)}});
    const auto row = s.confusion.begin() + c * s.classes;
    json["confusion"].push_back(std::vector<int64_t>(row, row + s.classes));
  }
  const Predictions& p = outcomes.front().predictions;
  for (const int64_t image : s.mistakes)
    json["mistakes"].push_back(
        {{"image", image},
         {"class", names[size_t(test.labels.span<int32_t>()[size_t(image)])]},
         {"taken_for", names[size_t(p.class_of(image))]},
         {"probability", p.confidence(image)}});
  return json;
}

void print_classes(const Scores& s, const std::vector<std::string>& names) {
  fmt::print("\n{:20} {:>8} {:>9}  most often taken for\n", "class", "images", "accuracy");
  for (int64_t c = 0; c < s.classes; ++c) {
    if (s.images_of(c) == 0) continue;
    const int64_t other = s.mistaken_for(c);
    fmt::print(
        "{:20} {:>8} {:>9.4f}  {}\n", printable(names[size_t(c)]), s.images_of(c), s.accuracy_of(c),
        other < 0 ? ""
                  : fmt::format("{} ({})", printable(names[size_t(other)]), s.taken(c, other)));
  }
}

void print_confusion(const Scores& s, const std::vector<std::string>& names) {
  constexpr int64_t kMostClasses = 20;
  if (s.classes > kMostClasses) return;
  fmt::print("\nconfusion (a row a class, a column what it was taken for)\n{:12}", "");
  for (const std::string& name : names) fmt::print(" {:>5.5}", printable(name));
  for (int64_t c = 0; c < s.classes; ++c) {
    fmt::print("\n{:12.12}", printable(names[size_t(c)]));
    for (int64_t as = 0; as < s.classes; ++as) fmt::print(" {:>5}", s.taken(c, as));
  }
  fmt::print("\n");
}

void print_calibration(const Scores& s) {
  fmt::print(
      "\ncalibration error {:.4f} (how far probabilities are from the share that is right)\n"
      "probability   images  mean probability  accuracy\n",
      s.calibration_error);
  for (size_t b = 0; b < s.calibration.size(); ++b) {
    const CalibrationBin& bin = s.calibration[b];
    if (bin.images)
      fmt::print("{:.1f} to {:.1f} {:>9} {:>17.4f} {:>9.4f}\n", 0.1 * double(b),
                 0.1 * double(b + 1), bin.images, bin.confidence, bin.accuracy);
  }
}

void print(const EvalRequest& r, const ImageSet& test, const std::vector<Outcome>& outcomes,
           const Scores& s, const std::vector<std::string>& names) {
  fmt::print("accuracy {:.4f} on {} images ({})\n", s.accuracy, test.count(),
             printable(protocol_of(r, test)));
  if (outcomes.size() > 1)
    fmt::print("         {:.4f} by {} statistics\n", accuracy(outcomes[1].predictions, test.labels),
               outcomes[1].statistics);
  if (const auto among = accuracy_among_real(r, test, outcomes.front().predictions))
    fmt::print("         {:.4f} if \"generated\" is no answer\n", *among);
  if (r.members.size() > 1)
    for (size_t m = 0; m < r.members.size(); ++m)
      fmt::print("         {:.4f} {} alone\n", outcomes.front().accuracies[m],
                 printable(r.members[m].path.string()));
  print_classes(s, names);
  print_confusion(s, names);
  print_calibration(s);
}

/// Prints how good the predictions of the test set's classes are.
int eval(const EvalRequest& r) {
  const Options& o = r.options;
  require_alike(r.members);
  bool has_running = true;
  for (const Checkpoint& member : r.members) {
    require_statistics(member, o);
    has_running &= !statistics_are_fresh(member.tensors);
  }
  const ImageSet test = load_images(o, Split::test);
  const Statistics chosen = o.running_stats ? Statistics::running : Statistics::batch;
  std::vector<Outcome> outcomes{evaluate(r, test, chosen)};
  if (has_running)
    outcomes.push_back(
        evaluate(r, test, o.running_stats ? Statistics::batch : Statistics::running));
  const Predictions& p = outcomes.front().predictions;
  const Scores s = score(p, test.labels);
  std::vector<std::string> names = class_labels(o);
  names.resize(size_t(s.classes));
  std::optional<Likeness> likeness;
  if (r.generated) likeness = likeness_of_generated(r, test, chosen);
  if (!r.confusion.empty()) write_png(r.confusion, confusion_picture(s, names));
  if (!r.mistakes.empty()) write_png(r.mistakes, mistakes_picture(s, p, test, names, kMistakes));
  if (r.json) {
    Json json = to_json(r, test, outcomes, s, names);
    if (likeness) json["generated"] = to_json(*likeness, *r.generated);
    fmt::print("{}\n", json.dump(-1, ' ', false, Json::error_handler_t::replace));
    return kDone;
  }
  print(r, test, outcomes, s, names);
  if (likeness) print(*likeness);
  for (const std::filesystem::path& picture : {r.confusion, r.mistakes})
    if (!picture.empty()) fmt::print("{}\n", printable(picture.string()));
  return kDone;
}

}  // namespace

void add_eval(CLI::App& program, Chosen& chosen) {
  struct Flags {
    OptionFlags options;
    RuntimeFlags runtime;
    std::string checkpoint, generated;
    std::vector<std::string> ensemble;
    EvalRequest request;
  };
  CLI::App* app =
      add_command(program, "eval", "How well a checkpoint tells the test images' classes",
                  "ssgan eval --checkpoint runs/first --mistakes mistakes.png");
  auto f = std::make_shared<Flags>();
  app->add_option("--checkpoint", f->checkpoint, "File, or a run's folder: its newest")->required();
  app->add_option("--ensemble", f->ensemble,
                  "Further checkpoints: the mean of all their probabilities counts");
  f->options.add_data(*app);
  app->add_option("--confusion", f->request.confusion, "PNG to write: the confusion matrix")
      ->check(a_png());
  app->add_option("--mistakes", f->request.mistakes,
                  "PNG to write: the 40 mistakes that the network was surest of")
      ->check(a_png());
  app->add_option("--generated", f->generated,
                  "Measure the images of this checkpoint's generator, too, or of another's")
      ->expected(0, 1);
  f->runtime.add(*app);
  app->add_flag("--json", f->request.json, "Print the result as JSON");
  app->callback([app, f, &chosen] {
    chosen = [app, f] {
      EvalRequest& r = f->request;
      r.device = f->runtime.resolve();
      r.members.push_back(read_named(f->checkpoint));
      for (const std::string& member : f->ensemble) r.members.push_back(read_named(member));
      if (app->count("--generated"))
        r.generated = f->generated.empty() ? r.members.front() : read_named(f->generated);
      r.options = f->options.resolve(r.members.front().options);
      for (Checkpoint& member : r.members) use_average(member, f->options.resolve(member.options));
      return eval(r);
    };
  });
}

}  // namespace gradus::ssgan
