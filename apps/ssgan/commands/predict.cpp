#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/data/picture_list.h"
#include "apps/ssgan/model/evaluate.h"
#include "apps/ssgan/run/run_checkpoints.h"
#include "apps/ssgan/say.h"
#include "apps/ssgan/utf8.h"

namespace gradus::ssgan {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

struct PredictRequest {
  Checkpoint checkpoint;
  Options options;
  Device device;
  std::vector<std::string> words;  ///< files, folders, "-"
  bool json = false, csv = false;
};

/// All of stdin; throws DataError where it is larger than any picture or list ought to be.
std::vector<std::byte> read_stdin() {
  constexpr size_t kMost = size_t{1} << 28, kPiece = size_t{1} << 16;
  std::vector<std::byte> bytes;
  for (size_t got = 1; got != 0;) {
    const size_t at = bytes.size();
    require<DataError>(at <= kMost, "stdin: more than {} bytes", kMost);
    bytes.resize(at + kPiece);
    got = std::fread(&bytes[at], 1, kPiece, stdin);
    bytes.resize(at + got);
  }
  return bytes;
}

void print_table(const PictureList& pictures, const Predictions& p,
                 const std::vector<std::string>& names, bool tells_real) {
  constexpr size_t kMostWide = 40;
  size_t wide = 5;
  for (const std::string& name : pictures.names)
    wide = std::max(wide, std::min(printable(name).size(), kMostWide));
  const auto real = [&](const std::string& text) {
    return tells_real ? fmt::format(" {:>7}", text) : "";
  };
  fmt::print("{:{}}  {:16} {:>11}{}  next\n", "image", wide, "class", "probability",
             real("P(real)"));
  for (int64_t i = 0; i < p.count(); ++i) {
    const int64_t first = p.class_of(i);
    int64_t second = first == 0 ? 1 : 0;
    for (int64_t c = 0; c < p.classes; ++c)
      if (c != first && p.of(i)[size_t(c)] > p.of(i)[size_t(second)]) second = c;
    fmt::print("{:{}}  {:16} {:>11.4f}{}  {} {:.4f}\n", printable(pictures.names[size_t(i)]), wide,
               printable(names[size_t(first)]), p.confidence(i),
               real(fmt::format("{:.4f}", p.real[size_t(i)])), printable(names[size_t(second)]),
               p.of(i)[size_t(second)]);
  }
}

void print_json(const PredictRequest& r, const PictureList& pictures, const Predictions& p,
                const std::vector<std::string>& names) {
  Json json{{"checkpoint", r.checkpoint.path.string()},
            {"statistics", r.options.running_stats ? "running" : "batch"},
            {"classes", std::vector<std::string>(names.begin(), names.begin() + p.classes)},
            {"images", Json::array()}};
  for (int64_t i = 0; i < p.count(); ++i) {
    const auto row = p.logits.begin() + i * p.classes;
    const std::string& name = pictures.names[size_t(i)];
    // Of bytes that JSON cannot hold, a URL is made, which begins at the root.
    Json image{{"image", is_utf8(name) ? name : path_to_json(fs::absolute(name).string())},
               {"class", names[size_t(p.class_of(i))]},
               {"probability", p.confidence(i)}};
    if (has_gan(r.options)) image["p_real"] = p.real[size_t(i)];
    image["probabilities"] = std::vector<double>(p.of(i).begin(), p.of(i).end());
    image["logits"] = std::vector<float>(row, row + p.classes);
    json["images"].push_back(std::move(image));
  }
  fmt::print("{}\n", json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

/// As RFC 4180 has it.
std::string csv_field(const std::string& name) {
  const std::string text = printable(name);
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

void print_csv(const PictureList& pictures, const Predictions& p,
               const std::vector<std::string>& names, bool tells_real) {
  fmt::print("image,class,probability{}", tells_real ? ",p_real" : "");
  for (int64_t c = 0; c < p.classes; ++c) fmt::print(",{}", csv_field("p_" + names[size_t(c)]));
  for (int64_t i = 0; i < p.count(); ++i) {
    fmt::print("\n{},{},{:.6f}", csv_field(pictures.names[size_t(i)]),
               csv_field(names[size_t(p.class_of(i))]), p.confidence(i));
    if (tells_real) fmt::print(",{:.6f}", p.real[size_t(i)]);
    for (const double probability : p.of(i)) fmt::print(",{:.6f}", probability);
  }
  fmt::print("\n");
}

/// Prints the class of each picture; kBadData where one could not be read.
int predict(const PredictRequest& r) {
  Discriminator discriminator(network_of(r.options), DType::f32, r.device);
  require_statistics(r.checkpoint, r.options);
  load_network(r.checkpoint, "discriminator.", discriminator);
  const PictureList pictures =
      read_pictures(r.words, r.options.network.image_size, read_stdin,
                    [](const std::string& reason) { say("{}\n", printable(reason)); });
  if (!pictures.names.empty()) {
    if (!r.options.running_stats)
      say("batch statistics: what is said of an image depends on those beside it\n");
    const Predictions p =
        predict(discriminator, pictures.images,
                r.options.running_stats ? Statistics::running : Statistics::batch);
    const std::vector<std::string> names = class_labels(r.options);
    if (r.json)
      print_json(r, pictures, p, names);
    else if (r.csv)
      print_csv(pictures, p, names, has_gan(r.options));
    else
      print_table(pictures, p, names, has_gan(r.options));
  }
  if (pictures.unread == 0) {
    require<DataError>(!pictures.names.empty(), "{}: there is no picture", fmt::join(r.words, " "));
    return kDone;
  }
  say("ssgan: {} could not be read, {} predicted\n", pictures.unread, pictures.names.size());
  return kBadData;
}

}  // namespace

void add_predict(CLI::App& program, Chosen& chosen) {
  struct Flags {
    OptionFlags options;
    RuntimeFlags runtime;
    std::string checkpoint;
    PredictRequest request;
  };
  CLI::App* app = add_command(program, "predict", "Tell the classes of pictures",
                              "ssgan predict --checkpoint runs/first photo.jpg scans/");
  auto f = std::make_shared<Flags>();
  app->add_option("--checkpoint", f->checkpoint, "File, or a run's folder: its newest")->required();
  app->add_option("image", f->request.words,
                  "PNGs, JPEGs and folders of them; -: from stdin, a picture or names, one a line")
      ->required();
  f->options.add_evaluation(*app);
  CLI::Option* json = app->add_flag("--json", f->request.json, "Print all probabilities as JSON");
  app->add_flag("--csv", f->request.csv, "Print all probabilities as CSV")->excludes(json);
  f->runtime.add(*app);
  app->callback([f, &chosen] {
    chosen = [f] {
      PredictRequest& r = f->request;
      r.device = f->runtime.resolve();
      r.checkpoint = read_named(f->checkpoint);
      r.options = f->options.resolve(r.checkpoint.options);
      use_average(r.checkpoint, r.options);
      return predict(r);
    };
  });
}

}  // namespace gradus::ssgan
