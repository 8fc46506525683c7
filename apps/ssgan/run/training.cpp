#include "apps/ssgan/run/training.h"

#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/report/html.h"
#include "apps/ssgan/run/progress.h"
#include "apps/ssgan/run/run_files.h"
#include "apps/ssgan/run/shell.h"
#include "apps/ssgan/run/signals.h"
#include "apps/ssgan/say.h"
#include "apps/ssgan/utf8.h"
#include "apps/ssgan/version.h"
#include "tensor/backend.h"

namespace gradus::ssgan {
namespace {

namespace fs = std::filesystem;

constexpr int kIndent = 11;  // of what lines say, behind a word on what it is

std::string default_run_name(const Options& o) {
  char time[32];
  const std::time_t now = std::time(nullptr);
  std::strftime(time, sizeof time, "%Y-%m-%d_%H%M%S", std::localtime(&now));
  return fmt::format("runs/{}-{}-{}{}", time, o.data, o.preset, o.unlabeled ? "" : "-supervised");
}

RunStart start_of(const Training& t, const Run& run) {
  using Kind = RunStart::Kind;
  const Kind kind = t.resume ? Kind::resume : t.overwrite ? Kind::overwrite : Kind::fresh;
  return {kind, run.step(), run.steps_per_epoch(),
          t.resume ? t.resume->damaged : std::vector<fs::path>{}};
}

RunConditions conditions_of(const Training& t) {
  return {omp_get_max_threads(),
          to_string(t.settings.device),
          t.settings.ranks ? t.settings.ranks->size() : 1,
          program_version(),
          backend(t.settings.device).describe(),
          t.settings.save_every,
          t.settings.keep};
}

/// Words that the log keeps.
void tell(RunFolder& folder, const std::string& line) {
  folder.log(line);
  say("{}\n", printable(line));
}

/// For a shell.
std::string go_on(const Training& t) {
  return fmt::format("{} --resume --out {}{}", this_training(), for_shell(t.out.string()),
                     t.baseline && !started_by_script() ? " --baseline" : "");
}

std::string why_it_stopped(const Options& o) {
  return fmt::format("{} epochs without a better score on the images held out", o.patience);
}

/// The flag that lets a complete run go on.
std::string longer(const Options& o, bool stopped_early) {
  return stopped_early ? fmt::format("--patience {}", 2 * o.patience)
                       : fmt::format("--epochs {}", 2 * o.epochs);
}

/// A run to compare with, of other options, below the run's folder, which `following` others
/// follow; one that a run which goes on left unfinished goes on, too.
RunSummary train_beside(const Training& t, const char* name, const Options& options, int following,
                        const ImageSet& train, const ImageSet& test) {
  Training beside = t;
  beside.out = t.out / name;
  beside.options = options;
  beside.options.patience = 0;
  beside.overwrite = true;
  beside.resume.reset();
  beside.settings.runs_beside = following;
  Run run(beside.options, beside.settings, train, test);
  if (t.resume && what_holds(beside.out) == Holds::run) {
    try {
      Resumption from = newest_whole(beside.out);
      if (changed_settings(from.checkpoint, beside.options).empty()) {
        run.resume(from.checkpoint, read_summary(beside.out));
        beside.resume = std::move(from);
      }
    } catch (const DataError& e) {
      say("{}; it starts again\n", printable(e.what()));
    }
  }
  RunFolder folder(beside.out, beside.options, conditions_of(t), start_of(beside, run));
  run.train(folder);
  write_report(folder.path());
  return run.summary();
}

/// Whether D learns from unlabelled images without a generator, too: what the GAN adds is a
/// question then.
bool can_do_without_gan(const Options& o) {
  return has_gan(o) && objective_of(o).reads_unlabelled();
}

bool is_compared(const Options& o, const RunSummary& s) {
  return std::isfinite(s.baseline_accuracy) &&
         (!can_do_without_gan(o) || std::isfinite(s.without_gan_accuracy));
}

/// What a step computes, in images that pass through a network; backwards counts twice, or once
/// where D's parameters get no gradient. Both networks count as one: their usual widths are alike.
double work_of_step(const Options& o) {
  const Objective objective = objective_of(o);
  const auto real = double(o.batch_size), unlabelled = double(o.batch_size - o.labelled_batch);
  const double noise = o.noise_batch ? double(o.noise_batch) : real;
  double work = 3 * real;
  if (objective.has_gan()) work += noise * (3 + 1 + 3 + (objective.manifold > 0 ? 6 : 0));
  if (objective.has_teacher()) work += unlabelled;
  if (objective.vat > 0) work += unlabelled * (1 + 3 + 3);
  return work;
}

/// These options, for as much computation as a run of `epochs` has with those of `run`.
Options as_much(Options o, const Options& run, int64_t epochs) {
  o.epochs =
      std::max<int64_t>(1, std::llround(double(epochs) * work_of_step(run) / work_of_step(o)));
  return o;
}

/// Trains the runs that this one, of so many epochs, is compared with, and adds their scores to its
/// summary; false where they were stopped.
bool compare(const Training& t, int64_t epochs, const ImageSet& train, const ImageSet& test,
             RunSummary& summary) {
  Options without = t.options, baseline = t.options;
  without.objective.gan_weight = without.objective.manifold = without.objective.pull_away = 0;
  baseline.unlabeled = false;
  if (can_do_without_gan(t.options)) {
    say("no GAN: the same run without its generator, as much computation\n");
    const RunSummary s =
        train_beside(t, kWithoutGan, as_much(without, t.options, epochs), 1, train, test);
    if (!s.complete) return false;
    summary.without_gan_accuracy = s.test_accuracy;
  }
  say("baseline: the discriminator alone, on the labelled images, as much computation\n");
  const RunSummary s =
      train_beside(t, kBaseline, as_much(baseline, t.options, epochs), 0, train, test);
  if (s.complete) summary.baseline_accuracy = s.test_accuracy;
  return s.complete;
}

/// "preset best --lr 0.001 --seed 2": the switches by which it is made, but for those of the data.
std::string switches_of(const Options& o) {
  const nlohmann::ordered_json here = to_json(o), there = to_json(preset(o.preset));
  std::string text = "preset " + o.preset;
  for (const auto& [key, value] : here.items()) {
    if (value == there[key] || key == "data" || key == "data_dir" || key == "classes" ||
        key == "class_names")
      continue;
    std::string flag = key;
    std::ranges::replace(flag, '_', '-');
    text += key == "unlabeled" ? " --no-unlabeled"
            : key == "batch_norm"
                ? " --local-batch-norm"
                : fmt::format(" --{} {}", flag,
                              value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

const char* what_trains(const Options& o) {
  if (!o.unlabeled) return "a discriminator, on the labelled images alone";
  return has_gan(o) ? "a discriminator and a generator" : "a discriminator, without a generator";
}

/// Five lines: what is trained on what, by which switches, for how long, to where.
std::string first_screen(const Training& t, const Run& run, int64_t train, int64_t test) {
  const Options& o = t.options;
  const RunConditions on = conditions_of(t);
  const auto count = [](int64_t n, const char* what) {
    return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
  };
  std::string data = fmt::format("{}: {} images, labels {}, {} to test on", o.data, train,
                                 to_string(o.labels), test);
  if (o.validation) data += fmt::format(", {} held out", o.validation);
  if (!o.data_dir.empty()) data += ", in " + o.data_dir;
  const RunSettings& s = t.settings;
  std::string then;
  if (s.max_steps > 0 && s.max_steps < run.total_steps())
    then = fmt::format("; stops after step {}", s.max_steps);
  else if (s.runs_beside > 0)
    then = fmt::format("; then {} of as much computation, to compare with",
                       s.runs_beside == 1 ? "a run" : "two runs");
  return fmt::format(
      "trains     {}\n"
      "data       {}\n"
      "settings   {}\n"
      "length     {} of {} images{}; a test after every {}{}\n"
      "run        {} ({}, {}{})\n",
      what_trains(o), data, switches_of(o), count(run.total_steps(), "step"), o.batch_size,
      run.step() ? fmt::format(", {} to go", run.total_steps() - run.step()) : "",
      run.steps_per_epoch(), then, t.out.string(), on.device, count(on.threads, "thread"),
      on.ranks > 1 ? fmt::format(" in each of {} ranks", on.ranks) : "");
}

int stop_early(const Training& t, const std::string& what) {
  write_report(t.out);
  say("{}: go on with `{}`\n", what, go_on(t));
  return kStopped + stop_signal();
}

/// "0.0213 above it".
std::string beside(double difference) {
  if (difference == 0) return "as good";
  return fmt::format("{:.4f} {} it", std::abs(difference), difference > 0 ? "above" : "below");
}

void print_summary(const Training& t, const Run& run, const RunSummary& s) {
  std::string text = fmt::format("run        {}\nmeasured   {}\nsteps      {} in {}\n",
                                 t.out.string(), s.protocol, s.steps, clock_time(s.seconds));
  if (std::isfinite(s.test_accuracy))
    text += fmt::format(
        "accuracy   test {:.4f}, labelled training images, as training changes them, {:.4f}{}\n",
        s.test_accuracy, s.train_accuracy,
        s.complete ? "" : " (at the end of the last whole epoch)");
  if (s.best_step > 0)
    text += fmt::format("best       validation {:.4f} after step {}: {}\n", s.best_accuracy,
                        s.best_step, best_checkpoint_path(t.out).string());
  if (std::isfinite(s.baseline_accuracy))
    text += fmt::format(
        "baseline   test {:.4f} (the discriminator alone, same labels, as much computation): this "
        "run "
        "is {}\n",
        s.baseline_accuracy, beside(s.test_accuracy - s.baseline_accuracy));
  if (std::isfinite(s.without_gan_accuracy))
    text += fmt::format(
        "no GAN     test {:.4f} (the same run without its generator, as much computation): with "
        "it, "
        "this run is {}\n",
        s.without_gan_accuracy, beside(s.test_accuracy - s.without_gan_accuracy));
  if (has_gan(t.options) && s.complete)
    text += fmt::format(
        "samples    {}\n",
        (t.out / "samples" / fmt::format("epoch_{:03}.png", run.step() / run.steps_per_epoch() - 1))
            .string());
  text += fmt::format("checkpoint {}\nreport     {}\n", checkpoint_path(t.out, s.steps).string(),
                      (t.out / "report.html").string());
  fmt::print("{}", folded(printable(text), terminal_columns(STDOUT_FILENO), kIndent));
  // These are not folded, so that they can be copied.
  const std::string out = for_shell(t.out.string());
  fmt::print("next       {} eval --checkpoint {}\n", this_program(), out);
  if (has_gan(t.options))
    fmt::print("           {} sample --checkpoint {} --out samples.png\n", this_program(), out);
  fmt::print("           {}{}\n", go_on(t),
             s.complete ? " " + longer(t.options, run.ran_out_of_patience()) : "");
}

/// Whether the program was killed between the last summary and its report. (Clocks of file systems
/// tick slowly: what was written before the summary may be as old.)
bool lacks_report(const fs::path& run) {
  std::error_code error;
  const auto report = fs::last_write_time(run / "report.html", error);
  return error || report <= fs::last_write_time(run / "summary.json", error);
}

/// Words on a session that goes on. Throws DataError where the images are others than before.
std::vector<std::string> notes_on_resume(const Resumption& from, const Options& now,
                                         const std::string& data) {
  std::vector<std::string> notes = from.notes;
  for (std::string& note : notes) note += "; put aside, the run goes on from an earlier one";
  for (const std::string& change : changed_settings(from.checkpoint, now))
    notes.push_back("changed on resume: " + change);
  const std::string& before = from.checkpoint.data;
  if (before.empty() || before == data) return notes;
  const std::string words = fmt::format(
      "{}: it was trained on other images than the data set {} has now (checksums {} then, {} now)",
      from.checkpoint.path.string(), now.data, before, data);
  require<DataError>(!from.same_folder, "{}; give --out a new folder to go on with these", words);
  notes.push_back(words);
  return notes;
}

void train(const Training& t, Run& run, RunFolder& folder) {
  try {
    run.train(folder);
  } catch (const NotFinite& e) {
    const auto last = checkpoint_upto(t.out, kAnyStep);
    throw NotFinite(fmt::format("{}. The last checkpoint is {}; go on from it with `{} --lr {:g}`",
                                e.what(), last ? last->string() : "missing", go_on(t),
                                t.options.schedule.start / 2));
  }
}

}  // namespace

int train(Training t) {
  const Options& o = t.options;
  const std::string configuration = to_json(o).dump(2);
  if (t.dry_run) {
    fmt::print("{}\n", configuration);
    return kDone;
  }
  const bool names_itself = t.out.empty();
  if (names_itself) t.out = default_run_name(o);
  if (!names_itself)
    RunFolder::require_startable(t.out, t.resume      ? RunStart::Kind::resume
                                        : t.overwrite ? RunStart::Kind::overwrite
                                                      : RunStart::Kind::fresh);
  const bool needs_baseline = t.baseline && o.unlabeled;
  if (needs_baseline && !names_itself)
    for (const char* beside : {kBaseline, kWithoutGan})
      RunFolder::require_startable(t.out / beside, RunStart::Kind::overwrite);
  stop_on_signals();
  if (needs_baseline) t.settings.runs_beside = can_do_without_gan(o) ? 2 : 1;
  const ImageSet train_set = load_images(o, Split::train), test_set = load_images(o, Split::test);
  Run run(o, t.settings, train_set, test_set);
  std::vector<std::string> notes;
  bool is_done = false;  // but for a baseline
  std::optional<RunSummary> earlier;
  if (t.resume) {
    notes = notes_on_resume(*t.resume, o, run.data());
    if (const auto own = run_of(t.resume->checkpoint.path)) earlier = read_summary(*own);
    run.resume(t.resume->checkpoint, earlier);
    is_done = t.resume->same_folder && run.is_complete() && earlier && earlier->complete;
  }
  if (is_done && !(needs_baseline && !is_compared(o, *earlier))) {
    say("complete: {}; nothing is changed. For more: `{} {}`\n",
        run.ran_out_of_patience() ? why_it_stopped(o)
                                  : fmt::format("all {} steps were taken", run.step()),
        go_on(t), longer(o, run.ran_out_of_patience()));
    if (lacks_report(t.out)) {
      const RunLock lock(t.out);
      remove_temporaries(t.out);
      prune_checkpoints(t.out, t.settings.keep, first_step(t.out));
      write_report(t.out);
    }
    print_summary(t, run, *earlier);
    return kDone;
  }
  if (names_itself) t.out = RunFolder::make_new(t.out);
  RunFolder folder(t.out, o, conditions_of(t), start_of(t, run));
  folder.log(run.protocol());
  say("{}", folded(printable(first_screen(t, run, train_set.count(), test_set.count())),
                   terminal_columns(STDERR_FILENO), kIndent));
  notes.insert(notes.end(), folder.notes().begin(), folder.notes().end());
  for (const std::string& note : notes) tell(folder, note);

  if (!is_done) train(t, run, folder);
  if (run.ran_out_of_patience() && !is_done) tell(folder, "stopped early: " + why_it_stopped(o));
  if (stop_signal() && !run.is_complete())
    return stop_early(t, fmt::format("interrupted after step {}", run.step()));
  RunSummary summary = is_done ? *earlier : run.summary();
  if (run.is_complete() && needs_baseline) {
    if (!compare(t, run.step() / run.steps_per_epoch(), train_set, test_set, summary))
      return stop_early(t, "interrupted in a run to compare with");
    write_summary(t.out, summary);
  } else if (needs_baseline) {
    tell(folder,
         "no baseline yet: the runs to compare with are trained when this one has taken all its "
         "steps");
  }
  write_report(t.out);
  print_summary(t, run, summary);
  return kDone;
}

}  // namespace gradus::ssgan
