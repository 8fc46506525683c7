#include "apps/ssgan/report/results.h"

#include <limits>

namespace gradus::ssgan {
namespace {

using Json = nlohmann::ordered_json;

double number_at(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_number() ? it->get<double>()
                                               : std::numeric_limits<double>::quiet_NaN();
}

/// Whether the summary is of a run that took all its steps and has not been gone on with since.
bool is_final(const RunRecord& run) {
  const auto complete = run.summary.find("complete");  // version 0.1.0 wrote it at the end only
  if (run.summary.empty() || (complete != run.summary.end() && *complete != true)) return false;
  const double steps = number_at(run.summary, "steps");
  return !(!run.epochs.rows.empty() && run.epochs.rows.back()[run.epochs.index("step")] > steps);
}

}  // namespace

Results results_of(const RunRecord& run) {
  Results r{number_at(run.summary, "test_accuracy"),
            number_at(run.summary, "train_accuracy"),
            number_at(run.summary, "baseline_accuracy"),
            number_at(run.summary, "without_gan_accuracy"),
            number_at(run.summary, "best_accuracy"),
            number_at(run.summary, "best_step"),
            number_at(run.summary, "steps"),
            number_at(run.summary, "seconds"),
            "",
            is_final(run)};
  if (const auto it = run.summary.find("protocol"); it != run.summary.end())
    r.protocol = it->is_string() ? it->get<std::string>() : it->dump();
  if (!r.final)
    r.baseline_accuracy = r.without_gan_accuracy = std::numeric_limits<double>::quiet_NaN();
  if (!r.final && !run.epochs.rows.empty()) {
    const auto& last = run.epochs.rows.back();
    r.test_accuracy = last[run.epochs.index("test_accuracy")];
    r.train_accuracy = last[run.epochs.index("train_accuracy")];
    r.steps = last[run.epochs.index("step")];
  }
  return r;
}

}  // namespace gradus::ssgan
