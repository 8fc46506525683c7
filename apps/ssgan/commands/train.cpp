#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/report/html.h"
#include "apps/ssgan/run/checkpoint.h"
#include "apps/ssgan/run/run.h"

namespace gradus::ssgan {
namespace {

struct TrainRequest {
  Options options;
  RunSettings settings;
  std::filesystem::path out;
  std::optional<Checkpoint> resume;  ///< where to go on from
  bool overwrite = false;
  bool baseline = false;  ///< afterwards the supervised baseline, in out/baseline
  bool dry_run = false;   ///< print the configuration and stop
};

nlohmann::ordered_json to_json(const RunSummary& s, const std::string& protocol) {
  return {{"protocol", protocol},
          {"steps", s.steps},
          {"seconds", s.seconds},
          {"train_accuracy", s.train_accuracy},
          {"test_accuracy", s.test_accuracy}};
}

RunFolder::Start start_of(const TrainRequest& r) {
  return r.resume      ? RunFolder::Start::resume
         : r.overwrite ? RunFolder::Start::overwrite
                       : RunFolder::Start::fresh;
}

/// The supervised baseline of the same options, below the run's folder.
RunSummary train_baseline(const TrainRequest& request, const ImageSet& train,
                          const ImageSet& test) {
  Options options = request.options;
  options.unlabeled = false;
  fmt::print(stderr, "baseline: the discriminator alone, on the labelled images, as many steps\n");
  Run run(options, request.settings, train, test);
  RunFolder folder(request.out / "baseline", options, RunFolder::Start::overwrite, 0);
  run.train(folder);
  write_report(folder.path());
  return run.summary();
}

int stop_early(const TrainRequest& request, const std::string& what) {
  write_report(request.out);
  fmt::print(stderr, "{}: go on with `ssgan train --resume --out {}{}`\n", what,
             request.out.string(), request.baseline ? " --baseline" : "");
  return kInterrupted;
}

void print_summary(const TrainRequest& r, const nlohmann::ordered_json& summary,
                   const RunSummary& s, bool complete) {
  fmt::print("run        {}\n", r.out.string());
  fmt::print("protocol   {}\n", summary["protocol"].get<std::string>());
  fmt::print("steps      {} in {}\n", s.steps, clock_time(s.seconds));
  if (std::isfinite(s.test_accuracy))
    fmt::print("accuracy   test {:.4f}, labelled training images {:.4f}{}\n", s.test_accuracy,
               s.train_accuracy, complete ? "" : " (at the end of the last whole epoch)");
  if (summary.contains("baseline_accuracy"))
    fmt::print("baseline   test {:.4f} (the discriminator alone, same labels, as many steps)\n",
               summary["baseline_accuracy"].get<double>());
  if (r.options.unlabeled && complete)
    fmt::print("samples    {}\n",
               (r.out / "samples" / fmt::format("epoch_{:03}.png", r.options.epochs - 1)).string());
  fmt::print("report     {}\n", (r.out / "report.html").string());
}

/// Trains and prints the summary; kInterrupted after Ctrl-C. Throws OutputError where `out` cannot
/// be written or holds a run.
int train(const TrainRequest& request) {
  const Options& o = request.options;
  fmt::print(request.dry_run ? stdout : stderr, "{}\n", gradus::ssgan::to_json(o).dump(2));
  if (request.dry_run) return kDone;
  RunFolder::require_startable(request.out, start_of(request));
  stop_on_interrupt();
  const ImageSet train_set = load_images(o, Split::train), test_set = load_images(o, Split::test);
  Run run(o, request.settings, train_set, test_set);
  if (request.resume) run.resume(*request.resume);
  RunFolder folder(request.out, o, start_of(request), run.step());
  const std::string protocol =
      fmt::format("{}; labels visible: {} ({}); {}{}", train_set.protocol, run.labelled_count(),
                  to_string(o.labels), test_set.protocol, zero_protocol(o));
  folder.log(protocol);
  fmt::print(stderr, "{}\n", protocol);

  run.train(folder);
  if (is_interrupted())
    return stop_early(request, fmt::format("interrupted after step {}", run.step()));
  const bool complete = run.step() == run.total_steps();
  auto summary = to_json(run.summary(), protocol);
  folder.summary(summary.dump(2) + "\n");
  if (complete && request.baseline && o.unlabeled) {
    const RunSummary baseline = train_baseline(request, train_set, test_set);
    if (is_interrupted()) return stop_early(request, "interrupted in the baseline");
    summary["baseline_accuracy"] = baseline.test_accuracy;
    folder.summary(summary.dump(2) + "\n");
  }
  write_report(request.out);
  print_summary(request, summary, run.summary(), complete);
  return kDone;
}

bool use_color(const std::string& choice) {
  if (choice != "auto") return choice == "always";
  const char *no_color = std::getenv("NO_COLOR"), *term = std::getenv("TERM");
  return isatty(STDERR_FILENO) && !(no_color && *no_color) && term &&
         std::string_view(term) != "dumb";
}

std::string default_run_name(const Options& o) {
  char time[32];
  const std::time_t now = std::time(nullptr);
  std::strftime(time, sizeof time, "%Y-%m-%d_%H%M%S", std::localtime(&now));
  return fmt::format("runs/{}-{}-{}{}", time, o.data, o.preset, o.unlabeled ? "" : "-supervised");
}

struct TrainFlags {
  OptionFlags options;
  RuntimeFlags runtime;
  std::string out, resume;
  TrainRequest request;

  void add(CLI::App& app) {
    options.add_network(app);
    options.add_training(app);
    options.add_data(app);
    runtime.add(app);
    app.add_option("--out", out, "Run folder (else a new one below runs/)");
    app.add_option("--resume", resume, "Go on from a checkpoint, or from the newest one in --out")
        ->expected(0, 1)
        ->default_str("auto");
    app.add_flag("--overwrite", request.overwrite, "Replace the run in --out");
    app.add_flag("--baseline", request.baseline,
                 "Afterwards train D on the labelled images alone, for comparison");
    app.add_flag("--dry-run", request.dry_run, "Print the configuration and stop");
    RunSettings& s = request.settings;
    app.add_option("--max-steps", s.max_steps, "Stop after so many steps in all")->check(a_count());
    app.add_option("--log-every", s.log_every, "Steps between progress lines")
        ->check(a_count())
        ->capture_default_str();
    app.add_option("--save-every", s.save_every, "Steps between checkpoints (else every 5 epochs)")
        ->check(a_count());
  }

  /// Finds the checkpoint and the run folder that --resume means.
  void find_resumed() {
    if (request.overwrite)
      throw UsageError("--overwrite and --resume: one of them, they ask for opposite things");
    const bool newest = resume.empty() || resume == "auto";
    if (newest && out.empty())
      throw UsageError("--resume: name a checkpoint, or the run's folder with --out");
    const Checkpoint& c = request.resume.emplace(
        read_checkpoint(newest ? newest_checkpoint(out) : std::filesystem::path(resume)));
    const auto run = run_of(c.path);
    require<UsageError>(!out.empty() || run,
                        "--resume {}: it lies in no run's folder; name one with --out",
                        c.path.string());
    if (out.empty()) out = run->string();
    request.options = options.resolve(c.options);
    require_same_network(c, request.options);
    if (continues_run(c, out)) require_same_run(c, request.options);
  }
};

}  // namespace

void add_train(CLI::App& program, Chosen& chosen) {
  CLI::App* app =
      add_command(program, "train", "Train the networks; writes a run folder",
                  "ssgan train --data svhn --data-dir ~/svhn --epochs 25 --out runs/first");
  auto f = std::make_shared<TrainFlags>();
  f->add(*app);
  app->callback([app, f, &chosen] {
    chosen = [app, f] {
      TrainRequest& r = f->request;
      r.settings.device = f->runtime.resolve();
      r.settings.color = use_color(f->runtime.color);
      if (app->count("--resume") > 0)
        f->find_resumed();
      else
        r.options = f->options.resolve();
      r.out = f->out.empty() ? default_run_name(r.options) : f->out;
      return train(r);
    };
  });
}

}  // namespace gradus::ssgan
