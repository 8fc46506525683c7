#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/data/visible_labels.h"
#include "apps/ssgan/model/samples.h"
#include "apps/ssgan/utf8.h"

namespace gradus::ssgan {
namespace {

struct DataRequest {
  Options options;
  std::filesystem::path out;  ///< examples of each class; empty: none
  bool json = false;
};

/// How many images of each class there are, of those where `mask` is not 0.
std::vector<int64_t> count_classes(const ImageSet& set, const Tensor& mask) {
  std::vector<int64_t> counts(set.classes.size());
  const auto labels = set.labels.span<int32_t>(), in = mask.span<int32_t>();
  for (size_t i = 0; i < labels.size(); ++i)
    counts[static_cast<size_t>(labels[i]) % counts.size()] += in[i] != 0;  // a raw zero is 10
  return counts;
}

std::vector<int64_t> count_classes(const ImageSet& set) {
  return count_classes(set, Tensor::full({set.count()}, 1, DType::i32));
}

/// The first images of each class, a row a class.
Picture examples(const ImageSet& set) {
  constexpr int kColumns = 10;
  const auto classes = static_cast<int64_t>(set.classes.size());
  Tensor images = Tensor::zeros(set.images.shape().with(0, classes * kColumns), DType::u8);
  const auto bytes = images.mutable_span<uint8_t>();
  const auto from = set.images.span<uint8_t>();
  const size_t size = bytes.size() / static_cast<size_t>(classes * kColumns);
  std::vector<size_t> found(set.classes.size());
  for (size_t i = 0; i < static_cast<size_t>(set.count()); ++i) {
    const size_t c = static_cast<size_t>(set.labels.span<int32_t>()[i]) % found.size();
    if (found[c] < kColumns)
      std::ranges::copy(from.subspan(i * size, size),
                        bytes.begin() + static_cast<long>((c * kColumns + found[c]++) * size));
  }
  return grid(images, kColumns);
}

void print_row(const std::string& name, int64_t train, int64_t visible, int64_t test) {
  fmt::print("{:20} {:>9} {:>9} {:>9}\n", printable(name), train, visible, test);
}

/// Reads a data set whole and prints how many images of each class it has.
int data(const DataRequest& r) {
  const Options& o = r.options;
  const ImageSet train = load_images(o, Split::train), test = load_images(o, Split::test);
  const std::vector<int64_t> training = count_classes(train), tests = count_classes(test),
                             visible =
                                 count_classes(train, choose_labelled(train, o.labels, o.seed));
  const std::string protocol =
      fmt::format("{}; labels visible: {} (seed {}); {}{}", train.protocol, to_string(o.labels),
                  o.seed, test.protocol, zero_protocol(o));
  if (!r.out.empty()) write_png(r.out, examples(train));
  if (r.json) {
    nlohmann::ordered_json classes = nlohmann::json::array();
    for (size_t c = 0; c < training.size(); ++c)
      classes.push_back({{"name", train.classes[c]},
                         {"training", training[c]},
                         {"visible", visible[c]},
                         {"test", tests[c]}});
    fmt::print("{}\n", nlohmann::ordered_json{{"protocol", protocol}, {"classes", classes}}.dump(
                           2, ' ', false, nlohmann::json::error_handler_t::replace));
    return kDone;
  }
  fmt::print("{:20} {:>9} {:>9} {:>9}\n", "class", "training", "visible", "test");
  for (size_t c = 0; c < training.size(); ++c)
    print_row(train.classes[c], training[c], visible[c], tests[c]);
  print_row("all", train.count(), std::accumulate(visible.begin(), visible.end(), int64_t{0}),
            test.count());
  fmt::print("{}\n", printable(protocol));
  if (!r.out.empty()) fmt::print("{}\n", printable(r.out.string()));
  return kDone;
}

}  // namespace

void add_data(CLI::App& program, Chosen& chosen) {
  struct Flags {
    OptionFlags options;
    DataRequest request;
  };
  CLI::App* app = add_command(program, "data", "Check a data set and show what it holds",
                              "ssgan data --data fashion-mnist --out examples.png");
  auto f = std::make_shared<Flags>();
  f->options.add_data_set(*app);
  f->options.add_image_size(*app);
  f->options.add_labels(*app);
  app->add_option("--out", f->request.out, "PNG to write: ten training images of each class")
      ->check(a_png());
  app->add_flag("--json", f->request.json, "Print the result as JSON");
  app->callback([app, f, &chosen] {
    if (!app->get_subcommands().empty()) return;
    chosen = [f] {
      f->request.options = f->options.resolve();
      return data(f->request);
    };
  });
  add_fetch(*app, chosen);
}

}  // namespace gradus::ssgan
