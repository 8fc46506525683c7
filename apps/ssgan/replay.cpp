#include <algorithm>

#include "apps/ssgan/checkpoint.h"
#include "apps/ssgan/commands.h"
#include "apps/ssgan/data.h"
#include "apps/ssgan/run_plan.h"
#include "apps/ssgan/step_dump.h"

namespace gradus::ssgan {

int replay(const ReplayRequest& r) {
  // Step N starts from the state after N - 1 steps.
  const std::optional<std::filesystem::path> path = checkpoint_upto(r.run, r.step - 1);
  Options options = path ? read_checkpoint(*path).options : read_config(r.run);
  if (!r.data_dir.empty()) options.data_dir = r.data_dir;
  const ImageSet train = load_training_set(options);
  RunPlan plan(options, train);
  require<UsageError>(r.step >= 1 && r.step <= plan.total_steps(),
                      "--step {}: the run {} has the steps 1 to {}", r.step, r.run.string(),
                      plan.total_steps());
  Trainer trainer(options, DType::f32, r.device);
  trainer.use(train, plan.label_mask());
  int64_t step = 0;
  if (path) {
    const Checkpoint c = read_checkpoint(*path);
    trainer.load(c.tensors);
    step = c.step;
  }
  fmt::print(stderr, "from {}, {} steps to replay\n", path ? path->string() : "fresh weights",
             r.step - 1 - step);
  for (; step < r.step - 1; ++step) trainer.step(step, plan.images(step), plan.lr(step));
  StepDump dump;
  dump.add(trainer.step(step, plan.images(step), plan.lr(step), dump.trace()));
  save_safetensors(r.out, dump.finish(trainer));
  fmt::print("{}\n", r.out.string());
  return kDone;
}

}  // namespace gradus::ssgan
