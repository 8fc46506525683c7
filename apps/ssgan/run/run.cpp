#include "apps/ssgan/run/run.h"

#include <chrono>
#include <cmath>
#include <csignal>

#include "apps/ssgan/errors.h"
#include "apps/ssgan/model/evaluate.h"

namespace gradus::ssgan {
namespace {

using Clock = std::chrono::steady_clock;

// Reading a step's losses waits for the device; so many steps are read at once.
constexpr size_t kMostUnread = 16;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

volatile std::sig_atomic_t interrupted = 0;

}  // namespace

void stop_on_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
}

bool is_interrupted() { return interrupted != 0; }

Run::Run(const Options& options, const RunSettings& settings, const ImageSet& train,
         const ImageSet& test)
    : options_(options),
      settings_(settings),
      test_(test),
      plan_(options_, train),
      trainer_(options_, DType::f32, settings.device) {
  trainer_.use(train, plan_.label_mask());
}

void Run::resume(const Checkpoint& c) {
  const std::string name = c.path.string();
  try {
    trainer_.load(c.tensors);
    epoch_ = from_values(c.epoch_sums);
  } catch (const DataError& e) {
    throw DataError(fmt::format("{}: of another architecture than this run: {}", name, e.what()));
  }
  require<DataError>(c.step <= total_steps(), "{}: {} steps were taken, but this run has {} in all",
                     name, c.step, total_steps());
  step_ = c.step;
  resumed_ = true;
}

void Run::train(RunFolder& folder) {
  const auto start = Clock::now();
  auto epoch_start = start;
  const int64_t last =
      settings_.max_steps ? std::min(settings_.max_steps, total_steps()) : total_steps();
  const int64_t save_every = settings_.save_every ? settings_.save_every : 5 * plan_.per_epoch();
  Progress progress(step_, last, settings_.log_every, settings_.color);
  folder.log(fmt::format("start at step {} of {}, {} steps an epoch", step_, total_steps(),
                         plan_.per_epoch()));
  // A run in a new folder has its start there, for replay.
  int64_t saved = resumed_ ? step_ : -1;
  if (resumed_ && !std::filesystem::exists(folder.checkpoint_path(step_))) save(folder);
  while (step_ < last && !interrupted) {
    const double lr = plan_.lr(step_);
    const std::vector<int32_t> images = plan_.images(step_);
    trainer_.step(step_, images, lr);
    unread_.push_back({step_++, lr, plan_.count_labelled(images)});
    const bool ends_epoch = step_ % plan_.per_epoch() == 0, saves = step_ % save_every == 0;
    if (ends_epoch || saves || step_ == last || unread_.size() == kMostUnread)
      read_metrics(folder, progress);
    if (ends_epoch) {
      finish_epoch(folder, progress, lr, seconds_since(epoch_start));
      epoch_start = Clock::now();
    }
    if (saves) {
      save(folder);
      saved = step_;
    }
  }
  read_metrics(folder, progress);
  if (saved != step_) save(folder);
  seconds_ = seconds_since(start);
}

void Run::read_metrics(RunFolder& folder, Progress& progress) {
  const std::vector<Metrics> read = trainer_.take_metrics();
  for (size_t i = 0; i < read.size(); ++i) {
    const Metrics& m = read[i];
    const auto& [step, lr, labelled] = unread_[i];
    require_finite(step + 1, m);
    folder.metrics(step / plan_.per_epoch(), step + 1, lr, m);
    ++epoch_.steps;
    epoch_.d_real += m.d_real;
    epoch_.d_fake += m.d_fake;
    epoch_.d_class += m.d_class;
    epoch_.d += m.d;
    epoch_.g += m.g;
    epoch_.masked_correct += m.masked_correct;
    epoch_.labelled += static_cast<double>(labelled);
    progress.update(step + 1, options_.unlabeled ? fmt::format("d {:.3f}  g {:.4f}", m.d, m.g)
                                                 : fmt::format("d_class {:.3f}", m.d_class));
  }
  unread_.clear();
}

RunSummary Run::summary() const {
  const auto known = [](double v) { return v < 0 ? NAN : v; };
  return {known(epoch_.train_accuracy), known(epoch_.test_accuracy), seconds_, step_};
}

// JSON has no NaN: a baseline's missing losses are kept as 0 and come back by the next step.
std::vector<double> Run::to_values(const Epoch& e) {
  std::vector<double> v{e.steps, e.d_real,         e.d_fake,   e.d_class,        e.d,
                        e.g,     e.masked_correct, e.labelled, e.train_accuracy, e.test_accuracy};
  for (double& x : v)
    if (std::isnan(x)) x = 0;
  return v;
}

Run::Epoch Run::from_values(const std::vector<double>& v) {
  if (v.empty()) return {};
  require<DataError>(v.size() == 10, "checkpoint: {} sums of an epoch, 10 expected", v.size());
  return {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9]};
}

void Run::require_finite(int64_t step, const Metrics& m) const {
  const std::pair<const char*, double> classifier[] = {{"d_class", m.d_class}, {"d", m.d}};
  const std::pair<const char*, double> gan[] = {
      {"d_real", m.d_real}, {"d_fake", m.d_fake}, {"g", m.g}};
  const auto check = [step](const char* name, double value) {
    require<NotFinite>(std::isfinite(value),
                       "step {}: the loss {} is {}; training stops, earlier files are intact. A "
                       "smaller --lr may help",
                       step, name, value);
  };
  for (const auto& [name, value] : classifier) check(name, value);
  if (!options_.unlabeled) return;
  for (const auto& [name, value] : gan) check(name, value);
}

void Run::finish_epoch(RunFolder& folder, Progress& progress, double lr, double seconds) {
  const Epoch e = epoch_;
  epoch_ = {};
  epoch_.train_accuracy = e.labelled ? e.masked_correct / e.labelled : -1;
  epoch_.test_accuracy = accuracy(trainer_.discriminator(), test_,
                                  options_.running_stats ? Statistics::running : Statistics::batch);
  EpochRow row;
  row.epoch = step_ / plan_.per_epoch() - 1;
  row.step = step_;
  row.lr = lr;
  row.d_real = e.d_real / e.steps;
  row.d_fake = e.d_fake / e.steps;
  row.d_class = e.d_class / e.steps;
  row.d = e.d / e.steps;
  row.g = e.g / e.steps;
  row.train_accuracy = summary().train_accuracy;
  row.test_accuracy = epoch_.test_accuracy;
  row.seconds = seconds;
  folder.epoch(row);
  std::string line = fmt::format("epoch {:3}", row.epoch);
  if (options_.unlabeled)
    line += fmt::format("  d_real {:.4f}  d_fake {:.4f}", row.d_real, row.d_fake);
  line += fmt::format("  d_class {:.4f}", row.d_class);
  if (options_.unlabeled) line += fmt::format("  g {:.4f}", row.g);
  line += fmt::format("  train {:.4f}  test {:.4f}  {:.1f} s", row.train_accuracy,
                      row.test_accuracy, seconds);
  folder.log(line);
  progress.line(line);
  if (options_.unlabeled)
    folder.samples(row.epoch, step_,
                   sample_grid(trainer_.generator(), 50, 8, options_.seed, Statistics::batch));
}

void Run::save(RunFolder& folder) {
  Checkpoint c{options_, step_, to_values(epoch_), {}};
  trainer_.save(c.tensors);
  for (const auto& [name, t] : c.tensors) {
    if (!is_float(t.dtype())) continue;
    const Tensor on_host = t.to(kCpu);
    for (const float v : on_host.span<float>())
      require<NotFinite>(std::isfinite(v), "step {}: {} is not finite; no checkpoint is written",
                         step_, name);
  }
  write_checkpoint(folder.checkpoint_path(step_), c);
}

}  // namespace gradus::ssgan
