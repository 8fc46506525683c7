#include "apps/ssgan/study/run_at.h"

#include <algorithm>
#include <iterator>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/run/run_checkpoints.h"
#include "apps/ssgan/run/run_files.h"
#include "apps/ssgan/say.h"
#include "apps/ssgan/utf8.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

/// The first of these that is whole, if any.
std::optional<Checkpoint> first_whole(auto begin, auto end) {
  for (auto at = begin; at != end; ++at)
    if (auto checkpoint = read_if_whole(at->second)) return checkpoint;
  return {};
}

/// A step's options are those of the session that took it, which a resume may have changed: the
/// session's next checkpoint has them.
Options options_of(const std::filesystem::path& run, std::optional<int64_t> step,
                   const std::string& data_dir) {
  require<DataError>(what_holds(run) != Holds::nothing, "{}: there is no run in it", run.string());
  Options options;
  if (!step) {
    options = newest_whole(run).checkpoint.options;
  } else {
    const auto all = checkpoints_of(run);
    const auto after = first_whole(all.lower_bound(*step), all.end());
    options = after ? after->options : read_config(run);
  }
  if (!data_dir.empty()) options.data_dir = data_dir;
  return options;
}

}  // namespace

std::optional<Checkpoint> read_if_whole(const std::filesystem::path& path) {
  try {
    return read_checkpoint(path);
  } catch (const ReadError&) {
    throw;
  } catch (const DataError& e) {
    say("{}; left out\n", printable(e.what()));
    return {};
  }
}

RunAt::RunAt(const Options& options, Device device)
    : options_(options),
      train_(load_images(options, Split::train)),
      plan_(options, train_),
      trainer_(options, DType::f32, device) {
  trainer_.use(train_, plan_.label_mask());
}

RunAt::RunAt(const std::filesystem::path& run, std::optional<int64_t> step,
             const std::string& data_dir, Device device)
    : RunAt(options_of(run, step, data_dir), device) {
  const int64_t first = first_step(run);
  require<UsageError>(!step || (*step > first && *step <= total_steps() + 1),
                      "--step {}: the run {} has the steps {} to {}, and {} would be next",
                      step.value_or(0), run.string(), first + 1, total_steps(), total_steps() + 1);
  std::optional<Checkpoint> before;
  if (!step) {
    before = read_named(run);
  } else {
    const auto all = checkpoints_of(run);
    before = first_whole(std::make_reverse_iterator(all.lower_bound(*step)), all.rend());
  }
  require<DataError>(before || first == 0,
                     "{}: the checkpoint of step {}, where the run began, is missing", run.string(),
                     first);
  if (before) restore(*before);
  say("from {}, {} steps to replay\n", before ? printable(before->path.string()) : "fresh weights",
      step ? *step - next_step() : 0);
  if (step) advance_to(*step);
}

double RunAt::lr() const { return plan_.lr(std::min(taken_, total_steps() - 1)); }

StepImages RunAt::images() { return plan_.images(taken_); }

Metrics RunAt::take(const Trainer::Trace& trace) {
  const Metrics m = trainer_.step(taken_, images(), lr(), trace);
  ++taken_;
  return m;
}

void RunAt::restore(const Checkpoint& checkpoint) {
  trainer_.load(checkpoint.tensors);
  taken_ = checkpoint.step;
}

void RunAt::advance_to(int64_t step) {
  for (; next_step() < step; ++taken_) {
    trainer_.step(taken_, images(), lr());
    trainer_.take_metrics();
  }
}

}  // namespace gradus::ssgan
