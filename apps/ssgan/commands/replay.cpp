#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/data.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/run_plan.h"
#include "apps/ssgan/step_dump.h"

namespace gradus::ssgan {
namespace {

/// The discriminator's loss that the run's metrics.jsonl has for this step, if it has it.
std::optional<double> recorded_loss(const std::filesystem::path& run, int64_t step) {
  std::ifstream in(run / "metrics.jsonl");
  for (std::string line; std::getline(in, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_object() && json.value("step", int64_t{-1}) == step && json.contains("d"))
      return json["d"].get<double>();
  }
  return {};
}

}  // namespace

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
  fmt::print(stderr, "from {}, {} steps to replay\n", before ? before->string() : "fresh weights",
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
  fmt::print(
      stderr,
      "step {}: the run's d was {}, here it is {}: another machine, thread count or library, "
      "or the run was resumed from elsewhere\n",
      r.step, *recorded, m.d);
  return kCheckFailed;
}

}  // namespace gradus::ssgan
