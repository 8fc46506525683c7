#include "nn/summary.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/report/text.h"

namespace gradus::ssgan {
namespace {

struct SummaryRequest {
  Options options;
  bool json = false;
};

constexpr int64_t kImages = 2;

struct Totals {
  int64_t parameters = 0, multiply_adds = 0, dead_parameters = 0, dead_multiply_adds = 0;
};

Totals total(const std::vector<LayerSummary>& layers) {
  Totals t;
  for (const LayerSummary& l : layers) {
    t.parameters += l.parameters;
    t.multiply_adds += l.multiply_adds / kImages;
    if (l.reaches_loss) continue;
    t.dead_parameters += l.parameters;
    t.dead_multiply_adds += l.multiply_adds / kImages;
  }
  return t;
}

std::vector<int64_t> extents_of_one(const Shape& output) {
  const auto extents = output.extents();
  return {extents.begin() + (extents.empty() ? 0 : 1), extents.end()};
}

nlohmann::ordered_json to_json(const std::vector<LayerSummary>& layers) {
  nlohmann::ordered_json rows = nlohmann::json::array();
  for (const LayerSummary& l : layers)
    rows.push_back({{"name", l.name},
                    {"operation", l.operation},
                    {"output", extents_of_one(l.output)},
                    {"parameters", l.parameters},
                    {"multiply_adds", l.multiply_adds / kImages},
                    {"reaches_loss", l.reaches_loss}});
  const Totals t = total(layers);
  return {{"layers", rows},
          {"parameters", t.parameters},
          {"multiply_adds", t.multiply_adds},
          {"dead_parameters", t.dead_parameters},
          {"dead_multiply_adds", t.dead_multiply_adds}};
}

void print_row(const std::string& name, const std::string& operation, const std::string& output,
               int64_t parameters, int64_t multiply_adds, const char* reaches) {
  fmt::print("{:8} {:18} {:14} {:>10} {:>13}   {}\n", name, operation, output,
             grouped(double(parameters)), grouped(double(multiply_adds)), reaches);
}

void print_table(const char* title, const std::vector<LayerSummary>& layers) {
  fmt::print("{}\n{:8} {:18} {:14} {:>10} {:>13}   {}\n", title, "layer", "operation", "output",
             "parameters", "multiply-adds", "reaches a loss");
  for (const LayerSummary& l : layers)
    print_row(l.name, l.operation, to_string(Shape(extents_of_one(l.output))), l.parameters,
              l.multiply_adds / kImages, l.reaches_loss ? "yes" : "no");
  const Totals t = total(layers);
  print_row("all", "", "", t.parameters, t.multiply_adds, "");
  if (t.dead_parameters > 0) print_row("dead", "", "", t.dead_parameters, t.dead_multiply_adds, "");
}

/// Prints the layers of both networks: shapes, parameters, multiply-adds, whether they reach a
/// loss.
int summary(const SummaryRequest& r) {
  const NetworkOptions network = network_of(r.options);
  Generator generator(network, DType::f32, kCpu);
  Discriminator discriminator(network, DType::f32, kCpu);
  Random random(r.options.seed, Stream::train);
  const Pass pass = Pass::training(random).with(Statistics::batch);
  const Batch batch{Tensor::zeros({kImages, network.image_size, network.image_size, 3}, DType::f32),
                    Tensor::zeros({kImages}, DType::i32), Tensor::zeros({kImages}, DType::f32)};
  const ModelLoss loss =
      model_loss(pass, generator, discriminator, batch,
                 pass.tape()->watch(Tensor::zeros({kImages, kZSize}, DType::f32)), ZeroAs::raw);
  const std::vector<Var> losses{loss.d, loss.g};
  const auto g = summarize(generator, pass, losses), d = summarize(discriminator, pass, losses);
  if (r.json) {
    fmt::print(
        "{}\n",
        nlohmann::ordered_json{{"generator", to_json(g)}, {"discriminator", to_json(d)}}.dump(2));
    return kDone;
  }
  print_table("generator, of an image", g);
  fmt::print("\n");
  print_table("discriminator, of an image", d);
  return kDone;
}

}  // namespace

void add_summary(CLI::App& program, Chosen& chosen) {
  struct Flags {
    OptionFlags options;
    SummaryRequest request;
  };
  CLI::App* app = add_command(program, "summary", "The networks, layer by layer",
                              "ssgan summary --preset tutorial");
  auto f = std::make_shared<Flags>();
  f->options.add_network(*app);
  app->add_flag("--json", f->request.json, "Print the result as JSON");
  app->callback([f, &chosen] {
    chosen = [f] {
      f->request.options = f->options.resolve();
      return summary(f->request);
    };
  });
}

}  // namespace gradus::ssgan
