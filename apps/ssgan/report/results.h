#pragma once

#include <string>

#include "apps/ssgan/report/run_record.h"

namespace gradus::ssgan {

/// A run's results: those of its summary, else those of the last epoch; NaN where there are none.
struct Results {
  double test_accuracy, train_accuracy, baseline_accuracy, without_gan_accuracy, best_accuracy,
      best_step, steps, seconds;
  std::string protocol;
  bool final;  ///< whether the run has come to its end
};

Results results_of(const RunRecord& run);

}  // namespace gradus::ssgan
