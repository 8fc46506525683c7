#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/json.h"
#include "apps/ssgan/run/checkpoint.h"
#include "apps/ssgan/run/json_file.h"
#include "apps/ssgan/run/ranks.h"
#include "apps/ssgan/run/run.h"
#include "apps/ssgan/run/shell.h"
#include "apps/ssgan/run/training.h"
#include "apps/ssgan/say.h"
#include "apps/ssgan/utf8.h"
#include "tensor/communicator.h"
#include "tensor/mpi_plugin.h"

namespace gradus::ssgan {
namespace {

bool use_color(const std::string& choice) {
  if (choice != "auto") return choice == "always";
  const char *no_color = std::getenv("NO_COLOR"), *term = std::getenv("TERM");
  return isatty(STDERR_FILENO) && !(no_color && *no_color) && term &&
         std::string_view(term) != "dumb";
}

/// "3..7"; both ends are seeds of runs.
std::pair<uint64_t, uint64_t> parse_seeds(const std::string& text) {
  const auto fail = [&](const char* why) {
    throw UsageError(fmt::format("--seeds {}: {}, such as 1..5", text, why));
  };
  const size_t dots = text.find("..");
  std::pair<uint64_t, uint64_t> seeds;
  const auto parse = [&](const char* begin, const char* end, uint64_t& seed) {
    const auto [stop, error] = std::from_chars(begin, end, seed);
    if (error != std::errc() || stop != end) fail("two seeds expected");
  };
  if (dots == text.npos) fail("two seeds expected");
  parse(text.data(), text.data() + dots, seeds.first);
  parse(text.data() + dots + 2, text.data() + text.size(), seeds.second);
  if (seeds.first > seeds.second) fail("the lower seed comes first");
  if (seeds.second - seeds.first >= 1000) fail("at most 1000 seeds");
  return seeds;
}

struct TrainFlags {
  OptionFlags options;
  RuntimeFlags runtime;
  std::string out, resume, seeds, color = "auto";
  std::optional<int64_t> save_every, keep;
  bool sweep = false;
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
    app.add_option("--seeds", seeds,
                   "A run for each seed from A to B, one after another, in --out/seed-A and so on; "
                   "with --resume those that are there go on");
    app.add_flag("--sweep", sweep,
                 "With --seeds under mpirun or srun: the runs are shared out, each is one rank's; "
                 "without it all ranks share each run");
    app.add_flag("--overwrite", request.overwrite, "Replace the run in --out");
    app.add_flag(
        "--baseline", request.baseline,
        "Afterwards train D on the labelled images alone, for comparison, and the same run "
        "without its generator where D learns from unlabelled images in other ways, too");
    app.add_flag("--dry-run", request.dry_run, "Print the configuration and stop");
    RunSettings& s = request.settings;
    app.add_option("--max-steps", s.max_steps, "Stop after so many steps in all")->check(a_count());
    app.add_option("--log-every", s.log_every, "Steps between progress lines")
        ->check(a_count())
        ->capture_default_str();
    app.add_option("--save-every", save_every,
                   "Steps between checkpoints (else every 5 epochs); a resumed run keeps to it")
        ->check(a_count());
    app.add_option("--keep", keep,
                   "Checkpoints that remain, the newest; the first and the best do, too; a resumed "
                   "run keeps to it")
        ->check(a_count())
        ->default_str(std::to_string(s.keep));
    app.add_option("--color,--colour", color, "Of the progress bar: auto, always or never")
        ->check(one_of({"auto", "always", "never"}))
        ->capture_default_str();
    group_options(app, "Run");
    show_defaults(app);
    app.get_option("--seeds")->option_text("A..B");
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
    if (!request.resume->same_folder) return;
    require_same_run(c, request.options);
    const auto config = read_json_object(std::filesystem::path(out) / "config.json");
    RunSettings& s = request.settings;
    s.save_every = std::clamp<int64_t>(number_or(config, "save_every", s.save_every), 0, 1e9);
    s.keep = std::clamp<int64_t>(number_or(config, "keep", s.keep), 1, 1e9);
  }

  int train_one(bool resumes) {
    if (resumes)
      find_resumed();
    else
      request.options = options.resolve();
    if (save_every) request.settings.save_every = *save_every;
    if (keep) request.settings.keep = *keep;
    request.out = out;
    return train(request);
  }

  int train_seeds(bool resumes) {
    const auto [first, last] = parse_seeds(seeds);
    require<UsageError>(!options.seed, "--seed and --seeds: one of them");
    require<UsageError>(!out.empty(), "--seeds: name the folder of the runs with --out");
    require<UsageError>(resume.empty() || resume == "auto",
                        "--seeds: --resume takes the newest checkpoint of each run");
    const std::filesystem::path all = out;
    std::string folders;
    Communicator* const sharers = sweep ? launched_ranks() : nullptr;
    for (uint64_t seed = first; seed <= last; ++seed) {
      TrainFlags one = *this;
      one.out = (all / fmt::format("seed-{}", seed)).string();
      folders += " " + for_shell(one.out);
      if (sharers && (seed - first) % sharers->size() != static_cast<uint64_t>(sharers->rank()))
        continue;
      const bool there = checkpoint_upto(one.out, kAnyStep).has_value();
      if (!resumes || !there) one.options.seed = seed;
      say("seed {} of {} to {}\n", seed, first, last);
      int status = kDone;
      try {
        status = one.train_one(resumes && there);
      } catch (const UsageError& e) {
        if (!sharers) throw;  // of a rank above 0 main would keep it quiet
        say("ssgan: seed {}: {}\n", seed, printable(e.what()));
        return kUsage;
      }
      if (status != kDone) {
        if (status > kStopped)
          say("all seeds go on with `{} --resume --seeds {} --out {}`\n", this_training(), seeds,
              for_shell(all.string()));
        return status;
      }
    }
    if (!request.dry_run && (!sharers || sharers->rank() == 0))
      fmt::print("compare{}    {} compare-runs{}\n", sharers ? ", when all ranks are done:" : "",
                 this_program(), folders);
    return kDone;
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
      r.settings.color = use_color(f->color);
      const bool resumes = app->count("--resume") > 0;
      require<UsageError>(!f->sweep || !f->seeds.empty(), "--sweep: it shares out --seeds A..B");
      r.settings.ranks = f->sweep ? nullptr : launched_ranks();
      std::unique_ptr<Communicator> with_devices;
      if (r.settings.ranks) with_devices = device_ranks(*r.settings.ranks, r.settings.device);
      if (with_devices) r.settings.ranks = with_devices.get();
      if (r.settings.ranks && r.settings.ranks->rank() > 0) {
        follow(*r.settings.ranks, r.settings.device);
        return int{kDone};
      }
      const Lead lead(r.settings.ranks);
      return f->seeds.empty() ? f->train_one(resumes) : f->train_seeds(resumes);
    };
  });
}

}  // namespace gradus::ssgan
