#include <unistd.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <nlohmann/json.hpp>

#include "apps/ssgan/checkpoint.h"
#include "apps/ssgan/commands.h"
#include "apps/ssgan/data.h"
#include "apps/ssgan/evaluate.h"
#include "apps/ssgan/progress.h"
#include "apps/ssgan/report/html.h"
#include "apps/ssgan/run_folder.h"
#include "apps/ssgan/run_plan.h"
#include "apps/ssgan/trainer.h"

namespace gradus::ssgan {
namespace {

volatile std::sig_atomic_t interrupted = 0;

/// The first Ctrl-C asks the loop to stop; the second one ends the program at once.
void stop_on_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
}

/// Sums over the steps of the epoch under way; part of a checkpoint.
struct EpochSums {
  double steps = 0, d_real = 0, d_fake = 0, d_class = 0, d = 0, g = 0, masked_correct = 0,
         labelled = 0;

  void add(const Metrics& m, int64_t labelled_images) {
    ++steps;
    d_real += m.d_real;
    d_fake += m.d_fake;
    d_class += m.d_class;
    d += m.d;
    g += m.g;
    masked_correct += m.masked_correct;
    labelled += static_cast<double>(labelled_images);
  }
  // JSON has no NaN: a baseline's missing losses are kept as 0 and come back by the next add.
  std::vector<double> values() const {
    std::vector<double> v{steps, d_real, d_fake, d_class, d, g, masked_correct, labelled};
    for (double& x : v)
      if (std::isnan(x)) x = 0;
    return v;
  }
  static EpochSums of(const std::vector<double>& v) {
    if (v.empty()) return {};
    require<DataError>(v.size() == 8, "checkpoint: {} sums of an epoch, 8 expected", v.size());
    return {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]};
  }
};

struct Summary {
  double train_accuracy = NAN, test_accuracy = NAN;
  double seconds = 0;
  int64_t steps = 0;
};

/// One run from its first step, or a checkpoint's, to its last.
class Run {
 public:
  Run(const TrainRequest& request, const ImageSet& train, const ImageSet& test)
      : request_(request),
        options_(request.options),
        test_(test),
        plan_(options_, train),
        trainer_(options_, DType::f32, request.device) {
    trainer_.use(train, plan_.label_mask());
    if (request.resume) resume(*request.resume);
  }

  int64_t first_step() const { return step_; }
  int64_t labelled_count() const { return plan_.labelled(); }

  /// Trains; writes everything to `folder`. False where Ctrl-C or max_steps ended it early.
  bool train(RunFolder& folder) {
    const auto start = std::chrono::steady_clock::now();
    auto epoch_start = start;
    const int64_t last = request_.max_steps ? std::min(request_.max_steps, plan_.total_steps())
                                            : plan_.total_steps();
    const int64_t save_every = request_.save_every ? request_.save_every : 5 * plan_.per_epoch();
    Progress progress(step_, last, request_.log_every, request_.color);
    folder.log(fmt::format("start at step {} of {}, {} steps an epoch", step_, plan_.total_steps(),
                           plan_.per_epoch()));
    int64_t saved = -1;
    while (step_ < last && !interrupted) {
      const int64_t epoch = step_ / plan_.per_epoch();
      const double lr = plan_.lr(step_);
      const std::vector<int32_t> images = plan_.images(step_);
      const Metrics m = trainer_.step(step_, images, lr);
      ++step_;
      require_finite(m);
      folder.metrics(epoch, step_, lr, m);
      sums_.add(m, plan_.count_labelled(images));
      progress.update(step_, options_.unlabeled ? fmt::format("d {:.3f}  g {:.4f}", m.d, m.g)
                                                : fmt::format("d_class {:.3f}", m.d_class));
      if (step_ % plan_.per_epoch() == 0) {
        const auto now = std::chrono::steady_clock::now();
        finish_epoch(folder, progress, epoch, lr,
                     std::chrono::duration<double>(now - epoch_start).count());
        epoch_start = std::chrono::steady_clock::now();
      }
      if (step_ % save_every == 0) {
        save(folder);
        saved = step_;
      }
    }
    if (saved != step_) save(folder);
    summary_.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    summary_.steps = step_;
    return step_ == plan_.total_steps();
  }

  const Summary& summary() const { return summary_; }

 private:
  void require_finite(const Metrics& m) const {
    for (const auto& [name, value] :
         {std::pair("d_real", m.d_real), std::pair("d_fake", m.d_fake),
          std::pair("d_class", m.d_class), std::pair("d", m.d), std::pair("g", m.g)}) {
      const bool absent = !options_.unlabeled && std::isnan(value) && std::string(name) != "d" &&
                          std::string(name) != "d_class";
      require<NotFinite>(absent || std::isfinite(value),
                         "step {}: the loss {} is {}; training stops, earlier files are intact. A "
                         "smaller --lr may help",
                         step_, name, value);
    }
  }

  void finish_epoch(RunFolder& folder, Progress& progress, int64_t epoch, double lr,
                    double seconds) {
    summary_.train_accuracy = sums_.labelled ? sums_.masked_correct / sums_.labelled : NAN;
    summary_.test_accuracy =
        accuracy(trainer_.discriminator(), test_, options_.zero_as,
                 options_.running_stats ? Statistics::running : Statistics::batch);
    const double n = sums_.steps;
    const EpochRow row{epoch,
                       step_,
                       lr,
                       sums_.d_real / n,
                       sums_.d_fake / n,
                       sums_.d_class / n,
                       sums_.d / n,
                       sums_.g / n,
                       summary_.train_accuracy,
                       summary_.test_accuracy,
                       seconds};
    folder.epoch(row);
    std::string line = fmt::format("epoch {:3}", epoch);
    if (options_.unlabeled)
      line += fmt::format("  d_real {:.4f}  d_fake {:.4f}", row.d_real, row.d_fake);
    line += fmt::format("  d_class {:.4f}", row.d_class);
    if (options_.unlabeled) line += fmt::format("  g {:.4f}", row.g);
    line += fmt::format("  train {:.4f}  test {:.4f}  {:.1f} s", row.train_accuracy,
                        row.test_accuracy, seconds);
    folder.log(line);
    progress.line(line);
    if (options_.unlabeled)
      folder.samples(epoch, step_,
                     sample_grid(trainer_.generator(), 50, 8, options_.seed, Statistics::batch));
    sums_ = {};
  }

  void save(RunFolder& folder) {
    Checkpoint c{options_, step_, sums_.values(), {}};
    trainer_.save(c.tensors);
    for (const auto& [name, t] : c.tensors)
      if (is_float(t.dtype()))
        for (const float v : t.to(kCpu).span<float>())
          require<NotFinite>(std::isfinite(v),
                             "step {}: {} is not finite; no checkpoint is written", step_, name);
    write_checkpoint(folder.checkpoint_path(step_), c);
  }

  void resume(const std::filesystem::path& path) {
    const Checkpoint c = read_checkpoint(path);
    try {
      trainer_.load(c.tensors);
    } catch (const DataError& e) {
      throw DataError(
          fmt::format("{}: of another architecture than this run: {}", path.string(), e.what()));
    }
    step_ = c.step;
    sums_ = EpochSums::of(c.epoch_sums);
  }

  const TrainRequest& request_;
  Options options_;
  const ImageSet& test_;
  RunPlan plan_;
  Trainer trainer_;
  int64_t step_ = 0;  // taken so far
  EpochSums sums_;
  Summary summary_;
};

nlohmann::ordered_json to_json(const Summary& s, const std::string& protocol) {
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
Summary train_baseline(const TrainRequest& request, const ImageSet& train, const ImageSet& test) {
  TrainRequest baseline = request;
  baseline.options.unlabeled = false;
  baseline.out = request.out / "baseline";
  baseline.resume.reset();
  baseline.overwrite = true;
  fmt::print(stderr, "baseline: the discriminator alone, on the labelled images, as many steps\n");
  Run run(baseline, train, test);
  RunFolder folder(baseline.out, baseline.options, start_of(baseline), 0);
  run.train(folder);
  write_report(baseline.out);
  return run.summary();
}

}  // namespace

int train(const TrainRequest& request) {
  const Options& o = request.options;
  fmt::print(request.dry_run ? stdout : stderr, "{}\n", to_json(o).dump(2));
  if (request.dry_run) return kDone;
  stop_on_interrupt();
  const ImageSet train_set = load_training_set(o), test_set = load_test_set(o);
  Run run(request, train_set, test_set);
  RunFolder folder(request.out, o, start_of(request), run.first_step());
  const std::string protocol =
      fmt::format("{}; {} labels visible ({}); {}; digit 0 as {}", train_set.protocol,
                  run.labelled_count(), to_string(o.labels), test_set.protocol,
                  o.zero_as == ZeroAs::raw ? "class 10, which is never right" : "class 0");
  folder.log(protocol);
  fmt::print(stderr, "{}\n", protocol);

  const bool complete = run.train(folder);
  if (interrupted) {
    fmt::print(stderr, "interrupted after step {}: go on with `ssgan train --resume --out {}`\n",
               run.first_step(), request.out.string());
    write_report(request.out);
    return kInterrupted;
  }
  auto summary = to_json(run.summary(), protocol);
  if (complete && request.baseline && o.unlabeled) {
    folder.summary(summary.dump(2) + "\n");
    const Summary baseline = train_baseline(request, train_set, test_set);
    if (interrupted) return kInterrupted;
    summary["baseline_accuracy"] = baseline.test_accuracy;
  }
  folder.summary(summary.dump(2) + "\n");
  write_report(request.out);

  fmt::print("run        {}\n", request.out.string());
  fmt::print("protocol   {}\n", protocol);
  fmt::print("steps      {} in {}\n", run.summary().steps, clock_time(run.summary().seconds));
  if (std::isfinite(run.summary().test_accuracy))
    fmt::print("accuracy   test {:.4f}, labelled training images {:.4f}\n",
               run.summary().test_accuracy, run.summary().train_accuracy);
  if (summary.contains("baseline_accuracy"))
    fmt::print("baseline   test {:.4f} (the discriminator alone, same labels, as many steps)\n",
               summary["baseline_accuracy"].get<double>());
  if (o.unlabeled && complete)
    fmt::print("samples    {}\n",
               (request.out / "samples" / fmt::format("epoch_{:03}.png", o.epochs - 1)).string());
  fmt::print("report     {}\n", (request.out / "report.html").string());
  return kDone;
}

}  // namespace gradus::ssgan
