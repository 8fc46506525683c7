#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/run/checkpoint.h"
#include "apps/ssgan/run/run.h"
#include "apps/ssgan/run/training.h"

namespace gradus::ssgan {
namespace {

bool use_color(const std::string& choice) {
  if (choice != "auto") return choice == "always";
  const char *no_color = std::getenv("NO_COLOR"), *term = std::getenv("TERM");
  return isatty(STDERR_FILENO) && !(no_color && *no_color) && term &&
         std::string_view(term) != "dumb";
}

struct TrainFlags {
  OptionFlags options;
  RuntimeFlags runtime;
  std::string out, resume;
  Training request;

  void add(CLI::App& app) {
    options.add_data(app);
    group_options(app, "Data");
    options.add_training(app);
    group_options(app, "Training");
    options.add_objective(app);
    group_options(app, "Objective");
    options.add_network(app);
    group_options(app, "Network");
    runtime.add(app);
    group_options(app, "Machine");
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
    app.add_option("--keep", s.keep, "Checkpoints that remain, the newest")
        ->check(a_count())
        ->capture_default_str();
    group_options(app, "Run");
    show_defaults(app);
  }

  /// Finds the checkpoint and the run folder that --resume means.
  void find_resumed() {
    if (request.overwrite)
      throw UsageError("--overwrite and --resume: one of them, they ask for opposite things");
    const bool newest = resume.empty() || resume == "auto";
    if (newest && out.empty())
      throw UsageError("--resume: name a checkpoint, or the run's folder with --out");
    if (newest) {
      request.resume = newest_whole(out);
    } else {
      request.resume.emplace().checkpoint = read_checkpoint(resume);
      const auto run = run_of(resume);
      require<UsageError>(!out.empty() || run,
                          "--resume {}: it lies in no run's folder; name one with --out", resume);
      if (out.empty()) out = run->string();
    }
    const Checkpoint& c = request.resume->checkpoint;
    request.options = options.resolve(c.options);
    require_same_network(c, request.options);
    request.resume->same_folder = newest || continues_run(c, out);
    if (request.resume->same_folder) require_same_run(c, request.options);
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
      Training& r = f->request;
      r.settings.device = f->runtime.resolve();
      r.settings.color = use_color(f->runtime.color);
      if (app->count("--resume") > 0)
        f->find_resumed();
      else
        r.options = f->options.resolve();
      r.out = f->out;
      return train(r);
    };
  });
}

}  // namespace gradus::ssgan
