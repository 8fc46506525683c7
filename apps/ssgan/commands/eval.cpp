#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/model/evaluate.h"
#include "apps/ssgan/model/trainer.h"
#include "apps/ssgan/run/run_checkpoints.h"
#include "apps/ssgan/utf8.h"

namespace gradus::ssgan {
namespace {

struct EvalRequest {
  Checkpoint checkpoint;
  Options options;
  Device device;
  bool json = false;
};

/// Prints the accuracy, in [0, 1], on the test set.
int eval(const EvalRequest& r) {
  const Options& o = r.options;
  Discriminator discriminator(network_of(o), DType::f32, r.device);
  require_statistics(r.checkpoint, o);
  load_network(r.checkpoint, o.eval_ema ? kAveraged : "discriminator.", discriminator);
  const ImageSet test = load_images(o, Split::test);
  const double score =
      accuracy(discriminator, test, o.running_stats ? Statistics::running : Statistics::batch);
  const std::string protocol = fmt::format("{}; {} statistics{}", test.protocol,
                                           o.running_stats ? "running" : "batch", zero_protocol(o));
  if (r.json)
    fmt::print("{}\n", nlohmann::ordered_json{{"checkpoint", r.checkpoint.path.string()},
                                              {"protocol", protocol},
                                              {"images", test.count()},
                                              {"accuracy", score}}
                           .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  else
    fmt::print("accuracy {:.4f} on {} images ({})\n", score, test.count(), printable(protocol));
  return kDone;
}

}  // namespace

void add_eval(CLI::App& program, Chosen& chosen) {
  struct Flags {
    OptionFlags options;
    RuntimeFlags runtime;
    std::string checkpoint;
    EvalRequest request;
  };
  CLI::App* app = add_command(program, "eval", "Accuracy of a checkpoint on test images",
                              "ssgan eval --checkpoint runs/first");
  auto f = std::make_shared<Flags>();
  app->add_option("--checkpoint", f->checkpoint, "File, or a run's folder: its newest")->required();
  f->options.add_data(*app);
  f->runtime.add(*app);
  app->add_flag("--json", f->request.json, "Print the result as JSON");
  app->callback([f, &chosen] {
    chosen = [f] {
      EvalRequest& r = f->request;
      r.device = f->runtime.resolve();
      r.checkpoint = read_named(f->checkpoint);
      r.options = f->options.resolve(r.checkpoint.options);
      return eval(r);
    };
  });
}

}  // namespace gradus::ssgan
