#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/golden/step_dump.h"
#include "apps/ssgan/json.h"
#include "apps/ssgan/say.h"
#include "apps/ssgan/study/run_at.h"
#include "apps/ssgan/utf8.h"

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
  RunAt run(r.run, r.step, r.data_dir, r.device);
  StepDump dump;
  const Metrics m = run.take(dump.trace(run.trainer()));
  dump.add(m);
  save_safetensors(r.out, dump.finish(run.trainer()));
  fmt::print("{}\n", printable(r.out.string()));
  const std::optional<double> recorded = recorded_loss(r.run, r.step);
  if (!recorded)
    say("step {}: the run's metrics.jsonl does not have it: the run has not taken this step, or "
        "its log has a gap; there is nothing to check it against\n",
        r.step);
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
