#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/report/html.h"
#include "apps/ssgan/run/json_file.h"
#include "apps/ssgan/run/run_checkpoints.h"
#include "apps/ssgan/study/inspection.h"
#include "apps/ssgan/utf8.h"

namespace gradus::ssgan {
namespace {

struct InspectRequest {
  std::filesystem::path run;
  std::vector<int64_t> steps;  ///< empty: those after each checkpoint
  std::string data_dir;
  bool json = false;
  bool report = false;
};

/// Takes steps of a run again, with the settings of the sessions that took them.
class Inspector {
 public:
  Inspector(const InspectRequest& request, Device device) : r_(request), device_(device) {}

  /// The step after each checkpoint; kBadData where one is damaged and left out.
  int after_checkpoints() {
    const auto all = checkpoints_of(r_.run);
    require<DataError>(!all.empty(), "{}: no checkpoint of a run is there", r_.run.string());
    std::optional<Checkpoint> before;
    int status = kDone;
    for (const auto& [step, path] : all) {
      auto next = read_if_whole(path);
      if (!next) {
        status = kBadData;
        continue;
      }
      if (before) after(*before, next->options);
      before = std::move(next);
    }
    if (before) after(*before, before->options);
    return status;
  }
  void at(int64_t step) {
    RunAt run(r_.run, step, r_.data_dir, device_);
    take(run);
  }
  const std::vector<StepHealth>& steps() const { return steps_; }

 private:
  void after(const Checkpoint& checkpoint, Options options) {
    if (!r_.data_dir.empty()) options.data_dir = r_.data_dir;
    if (!run_ || to_json(options) != to_json(run_->options())) run_.emplace(options, device_);
    run_->restore(checkpoint);
    take(*run_);
  }
  void take(RunAt& run) {
    steps_.push_back(health_of(record_step(run), run.steps_per_epoch()));
    if (r_.json) return;
    fmt::print("{}{}", steps_.size() == 1 ? "" : "\n", to_text(steps_.back()));
    std::fflush(stdout);
  }

  const InspectRequest& r_;
  Device device_;
  std::optional<RunAt> run_;
  std::vector<StepHealth> steps_;
};

int inspect(const InspectRequest& r, Device device) {
  Inspector inspector(r, device);
  int status = kDone;
  if (r.steps.empty()) status = inspector.after_checkpoints();
  for (const int64_t step : r.steps) inspector.at(step);
  nlohmann::ordered_json json = nlohmann::json::array();
  for (const StepHealth& step : inspector.steps()) json.push_back(to_json(step));
  if (r.json) fmt::print("{}\n", json.dump());
  if (r.report) {
    write_json(r.run / "inspection.json", {{"steps", json}});
    write_report(r.run, Refresh::no);
    fmt::print("{}\n", printable((r.run / "report.html").string()));
  }
  return status;
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
  app->add_flag("--report", r->report, "Draw it in the run's report.html, too");
  runtime->add(*app);
  app->callback(
      [r, runtime, &chosen] { chosen = [r, runtime] { return inspect(*r, runtime->resolve()); }; });
}

}  // namespace gradus::ssgan
