#include "apps/ssgan/run/run.h"

#include <chrono>
#include <cmath>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/model/evaluate.h"
#include "apps/ssgan/report/html.h"
#include "apps/ssgan/run/ranks.h"
#include "apps/ssgan/run/signals.h"
#include "apps/ssgan/run/test_record.h"
#include "apps/ssgan/say.h"
#include "apps/ssgan/utf8.h"

namespace gradus::ssgan {
namespace {

// Reading a step's losses waits for the device; so many steps are read at once.
constexpr size_t kMostUnread = 16;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Run::Run(const Options& options, const RunSettings& settings, const ImageSet& train,
         const ImageSet& test)
    : options_(options),
      settings_(settings),
      test_(test),
      plan_(options_, train),
      validation_(subset(train, plan_.held_out())),
      trainer_(options_, DType::f32, settings.device, settings.ranks),
      protocol_(fmt::format(
          "{}; labels visible: {} ({}{}); {}{}", train.protocol, plan_.labelled(),
          to_string(options_.labels),
          options_.validation
              ? fmt::format(", of which {} are held out for validation", options_.validation)
              : "",
          test.protocol, zero_protocol(options_))),
      data_(data_checksum(train, test)) {
  trainer_.use(train, plan_.label_mask());
}

void Run::resume(const Checkpoint& c, const std::optional<RunSummary>& earlier) {
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
  if (!earlier || step_ == 0) return;
  // After a crash the summary may be of another step than the checkpoint.
  const double part =
      static_cast<double>(step_) / static_cast<double>(std::max(earlier->steps, step_));
  seconds_before_ = part * earlier->seconds;
  if (earlier->steps == step_) epoch_seconds_before_ = earlier->epoch_seconds;
}

bool Run::is_best() const {
  return epoch_.best_step > 0 && epoch_.best_step == static_cast<double>(step_);
}

bool Run::ran_out_of_patience() const {
  return options_.patience > 0 && epoch_.best_step > 0 && step_ < total_steps() &&
         static_cast<double>(step_) - epoch_.best_step >=
             static_cast<double>(options_.patience * plan_.per_epoch());
}

void Run::train(RunFolder& folder) {
  start_ = epoch_start_ = Clock::now();
  const int64_t last =
      settings_.max_steps ? std::min(settings_.max_steps, total_steps()) : total_steps();
  const int64_t save_every = settings_.save_every ? settings_.save_every : 5 * plan_.per_epoch();
  Progress progress(
      {step_, last, plan_.per_epoch(), options_.batch_size, test_.count() + validation_.count(),
       last == total_steps() ? settings_.runs_beside : 0},
      settings_.log_every, settings_.color);
  folder.log(fmt::format("start at step {} of {}, {} steps an epoch", step_, total_steps(),
                         plan_.per_epoch()));
  // Where a folder cannot be written this shows now, and the run can be gone on with from here.
  if (std::filesystem::exists(checkpoint_path(folder.path(), step_)) && !is_best())
    write_summary(folder.path(), summary());
  else
    save(folder);
  if (step_ < last) {
    progress.words(
        "epochs count from 0; test: the share of test images that is right; train: of the labelled "
        "training images, as training changes them");
    progress.words(has_gan(options_) ? "class, d, g: losses of classes, discriminator, generator"
                                     : "class: the loss of the classes");
  }
  lead_run(settings_.ranks, options_, trainer_);
  int64_t saved = step_;
  while (step_ < last && !stop_signal() && !ran_out_of_patience()) {
    const double lr = plan_.lr(step_);
    const StepImages images = plan_.images(step_);
    lead_step(settings_.ranks, step_, [&] { trainer_.step(step_, images, lr); });
    unread_.push_back({step_++, lr, plan_.count_labelled(images.all)});
    const bool ends_epoch = step_ % plan_.per_epoch() == 0;
    bool saves = step_ % save_every == 0;
    if (ends_epoch || saves || step_ == last || unread_.size() == kMostUnread)
      read_metrics(folder, progress);
    if (ends_epoch) finish_epoch(folder, progress, lr);
    saves |= is_best();  // so that no crash takes the run back behind best.safetensors
    if (saves) {
      save(folder);
      saved = step_;
    }
  }
  read_metrics(folder, progress);
  if (saved != step_) save(folder);
}

void Run::read_metrics(RunFolder& folder, Progress& progress) {
  const std::vector<Metrics> read = trainer_.take_metrics();
  progress.reach(step_);
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
    progress.update(step + 1, has_gan(options_) ? fmt::format("d {:.3f}  g {:.4f}", m.d, m.g)
                                                : fmt::format("d_class {:.3f}", m.d_class));
  }
  unread_.clear();
}

RunSummary Run::summary() const {
  const auto known = [](double v) { return v < 0 ? NAN : v; };
  RunSummary s;
  s.protocol = protocol_;
  s.steps = step_;
  s.total_steps = total_steps();
  s.seconds = seconds_before_ + seconds_since(start_);
  s.epoch_seconds = epoch_seconds_before_ + seconds_since(epoch_start_);
  s.train_accuracy = known(epoch_.train_accuracy);
  s.test_accuracy = known(epoch_.test_accuracy);
  s.best_accuracy = known(epoch_.best_accuracy);
  s.best_step = static_cast<int64_t>(epoch_.best_step);
  s.complete = is_complete();
  return s;
}

// JSON has no NaN: a baseline's missing losses are kept as 0 and come back by the next step.
std::vector<double> Run::to_values(const Epoch& e) const {
  std::vector<double> v{e.steps, e.d_real,         e.d_fake,   e.d_class,        e.d,
                        e.g,     e.masked_correct, e.labelled, e.train_accuracy, e.test_accuracy};
  if (options_.validation) v.insert(v.end(), {e.validation_accuracy, e.best_accuracy, e.best_step});
  for (double& x : v)
    if (std::isnan(x)) x = 0;
  return v;
}

Run::Epoch Run::from_values(const std::vector<double>& v) {
  if (v.empty()) return {};
  require<DataError>(v.size() == 10 || v.size() == 13,
                     "checkpoint: {} sums of an epoch, 10 or 13 expected", v.size());
  Epoch e{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9]};
  if (v.size() == 13) e.validation_accuracy = v[10], e.best_accuracy = v[11], e.best_step = v[12];
  return e;
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
  if (!has_gan(options_)) return;
  for (const auto& [name, value] : gan) check(name, value);
}

void Run::finish_epoch(RunFolder& folder, Progress& progress, double lr) {
  const auto start = Clock::now();
  const Epoch e = epoch_;
  epoch_ = {};
  epoch_.train_accuracy = e.labelled > 0 ? e.masked_correct / e.labelled : -1;
  const Statistics statistics = options_.running_stats ? Statistics::running : Statistics::batch;
  const Predictions predictions = predict(trainer_.evaluated(), test_.images, statistics);
  epoch_.test_accuracy = accuracy(predictions, test_.labels);
  epoch_.best_accuracy = e.best_accuracy;
  epoch_.best_step = e.best_step;
  if (options_.validation) {
    epoch_.validation_accuracy = accuracy(trainer_.evaluated(), validation_, statistics);
    if (epoch_.validation_accuracy > e.best_accuracy) {
      epoch_.best_accuracy = epoch_.validation_accuracy;
      epoch_.best_step = static_cast<double>(step_);
    }
  }
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
  row.validation_accuracy = options_.validation ? epoch_.validation_accuracy : NAN;
  row.seconds = epoch_seconds_before_ + seconds_since(epoch_start_);
  epoch_start_ = Clock::now();
  epoch_seconds_before_ = 0;
  folder.epoch(row);
  std::string line = fmt::format("epoch {:3}", row.epoch);
  if (has_gan(options_))
    line += fmt::format("  d_real {:.4f}  d_fake {:.4f}", row.d_real, row.d_fake);
  line += fmt::format("  d_class {:.4f}", row.d_class);
  if (has_gan(options_)) line += fmt::format("  g {:.4f}", row.g);
  line += fmt::format("  train {:.4f}  test {:.4f}", row.train_accuracy, row.test_accuracy);
  if (options_.validation) line += fmt::format("  validation {:.4f}", row.validation_accuracy);
  line += fmt::format("  {:.1f} s", row.seconds);
  folder.log(line);
  std::vector<std::string> parts{
      fmt::format("epoch {:3}", row.epoch), fmt::format("test {:.4f}", row.test_accuracy),
      fmt::format("train {:.4f}", row.train_accuracy), fmt::format("class {:.3f}", row.d_class)};
  if (options_.validation)
    parts.insert(parts.begin() + 2, fmt::format("valid. {:.4f}", row.validation_accuracy));
  if (has_gan(options_)) {
    parts.push_back(fmt::format("d {:.3f}", row.d));
    parts.push_back(fmt::format("g {:.4f}", row.g));
  }
  parts.push_back(clock_time(row.seconds));
  progress.line(parts);
  if (has_gan(options_))
    folder.samples(row.epoch, step_,
                   sample_grid(trainer_.generator(), 64, 8, options_.seed, Statistics::batch));
  write_test_record(folder.path(), row.epoch, predictions, test_, class_labels(options_));
  write_live_report(folder, row.seconds);
  progress.evaluated(seconds_since(start));
}

// A report reads all logs: where that takes long, not every epoch has one.
void Run::write_live_report(const RunFolder& folder, double epoch_seconds) {
  since_report_ += epoch_seconds;
  if (report_seconds_ > 1 && since_report_ < 20 * report_seconds_) return;
  const auto start = Clock::now();
  try {
    write_report(folder.path(), Refresh::yes);
  } catch (const std::exception& e) {
    say("no report of this epoch: {}\n", printable(e.what()));
  }
  report_seconds_ = seconds_since(start);
  since_report_ = 0;
}

void Run::save(RunFolder& folder) {
  Checkpoint c{options_, step_, to_values(epoch_), data_, {}};
  trainer_.save(c.tensors);
  gradus::ssgan::require_finite(fmt::format("step {}, whose checkpoint is not written", step_),
                                c.tensors);
  folder.checkpoint(c, summary(), is_best(), settings_.keep);
}

}  // namespace gradus::ssgan
