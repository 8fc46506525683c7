#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/run/run_checkpoints.h"
#include "apps/ssgan/study/inspection.h"

namespace gradus::ssgan {
namespace {

struct InspectRequest {
  std::filesystem::path run;
  std::vector<int64_t> steps;  ///< empty: those after each checkpoint
  std::string data_dir;
  bool json = false;
};

void print(const StepHealth& health, bool first, bool json) {
  if (json)
    fmt::print("{}{}", first ? "" : ",\n", to_json(health).dump());
  else
    fmt::print("{}{}", first ? "" : "\n", to_text(health));
  std::fflush(stdout);
}

/// Takes the steps again and prints how each layer does in them.
int inspect(const InspectRequest& r, Device device) {
  bool first = true;
  if (r.json) fmt::print("[");
  for (const int64_t step : r.steps) {
    RunAt run(r.run, step, r.data_dir, device);
    print(health_of(record_step(run), run.steps_per_epoch()), std::exchange(first, false), r.json);
  }
  if (r.steps.empty()) {
    RunAt run(r.run, {}, r.data_dir, device);
    for (auto path = checkpoint_from(r.run, 0); path;) {
      const Checkpoint checkpoint = read_checkpoint(*path);
      run.restore(checkpoint);
      print(health_of(record_step(run), run.steps_per_epoch()), std::exchange(first, false),
            r.json);
      path = checkpoint_from(r.run, checkpoint.step + 1);
    }
  }
  if (r.json) fmt::print("]\n");
  return kDone;
}

}  // namespace

void add_inspect(CLI::App& program, Chosen& chosen) {
  CLI::App* app = add_command(program, "inspect",
                              "A run's gradients, updates, silent channels and statistics by layer",
                              "ssgan inspect --run runs/first");
  auto r = std::make_shared<InspectRequest>();
  auto runtime = std::make_shared<RuntimeFlags>();
  app->add_option("--run", r->run, "Run folder")->required();
  app->add_option("--step", r->steps,
                  "Which steps, 1 is the first (else the one after each checkpoint that is there)")
      ->delimiter(',')
      ->check(a_count());
  app->add_option("--data-dir", r->data_dir, "Folder of the data, where it has moved");
  app->add_flag("--json", r->json, "Print it as JSON");
  runtime->add(*app);
  app->callback(
      [r, runtime, &chosen] { chosen = [r, runtime] { return inspect(*r, runtime->resolve()); }; });
}

}  // namespace gradus::ssgan
