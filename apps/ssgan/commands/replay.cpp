#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/golden/step_dump.h"
#include "apps/ssgan/json.h"
#include "apps/ssgan/run/checkpoint.h"
#include "apps/ssgan/run/run_checkpoints.h"
#include "apps/ssgan/run/run_plan.h"
#include "apps/ssgan/say.h"

namespace gradus::ssgan {
namespace {

struct ReplayRequest {
  std::filesystem::path run;
  std::string data_dir;  ///< empty: as the run had it
  Device device;
  int64_t step = 1;  ///< 1 is the run's first, as metrics.jsonl counts
  std::filesystem::path out;
};

/// The discriminator's loss that the run's metrics.jsonl has for this step, if it has it.
std::optional<double> recorded_loss(const std::filesystem::path& run, int64_t step) {
  std::ifstream in(run / "metrics.jsonl");
  for (std::string line; std::getline(in, line);) {
    const auto json = parse_json_object(line);
    if (number_or(json, "step", int64_t{-1}) == step && json.contains("d") && json["d"].is_number())
      return json["d"].get<double>();
  }
  return {};
}

/// Repeats step `step` of a run from the nearest earlier checkpoint and writes every tensor of it;
/// kCheckFailed where d is another than the run's metrics.jsonl says.
int replay(const ReplayRequest& r) {
  // Step N starts from the state after N - 1 steps. Its options are those of the session that took
  // it, which a resume may have changed: the session's next checkpoint has them.
  const auto before = checkpoint_upto(r.run, r.step - 1), after = checkpoint_from(r.run, r.step);
  Options options = after ? read_checkpoint(*after).options : read_config(r.run);
  if (!r.data_dir.empty()) options.data_dir = r.data_dir;
  const ImageSet train = load_images(options, Split::train);
  RunPlan plan(options, train);
  require<UsageError>(r.step >= 1 && r.step <= plan.total_steps(),
                      "--step {}: the run {} has the steps 1 to {}", r.step, r.run.string(),
                      plan.total_steps());
  Trainer trainer(options, DType::f32, r.device);
  trainer.use(train, plan.label_mask());
  int64_t step = 0;
  if (before) {
    const Checkpoint c = read_checkpoint(*before);
    trainer.load(c.tensors);
    step = c.step;
  }
  say("from {}, {} steps to replay\n", before ? before->string() : "fresh weights",
      r.step - 1 - step);
  for (; step < r.step - 1; ++step) {
    trainer.step(step, plan.images(step), plan.lr(step));
    trainer.take_metrics();
  }
  StepDump dump;
  const Metrics m = trainer.step(step, plan.images(step), plan.lr(step), dump.trace());
  dump.add(m);
  save_safetensors(r.out, dump.finish(trainer));
  fmt::print("{}\n", r.out.string());
  const std::optional<double> recorded = recorded_loss(r.run, r.step);
  if (!recorded || *recorded == m.d) return kDone;
  say("step {}: the run's d was {}, here it is {}: another machine, thread count or library, "
      "or the run was resumed from elsewhere\n",
      r.step, *recorded, m.d);
  return kCheckFailed;
}

}  // namespace

void add_replay(CLI::App& program, Chosen& chosen) {
  struct Flags {
    RuntimeFlags runtime;
    ReplayRequest request;
  };
  CLI::App* app =
      add_command(program, "replay", "Repeat one step of a run and write down every tensor",
                  "ssgan replay --run runs/first --step 700 --out step700.safetensors");
  auto f = std::make_shared<Flags>();
  app->add_option("--run", f->request.run, "Run folder")->required();
  app->add_option("--step", f->request.step, "Which step; 1 is the first")->required();
  app->add_option("--out", f->request.out, "File to write")->required();
  app->add_option("--data-dir", f->request.data_dir, "Folder of the data, where it has moved");
  f->runtime.add(*app);
  app->callback([f, &chosen] {
    chosen = [f] {
      f->request.device = f->runtime.resolve();
      return replay(f->request);
    };
  });
}

}  // namespace gradus::ssgan
