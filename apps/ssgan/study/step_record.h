#pragma once

#include <map>
#include <string>
#include <vector>

#include "apps/ssgan/study/run_at.h"
#include "apps/ssgan/study/step_graph.h"

namespace gradus::ssgan {

/// All that one training step has computed.
struct StepRecord {
  int64_t step = 0;  ///< 1 is the run's first
  double lr = 0;
  Metrics metrics = {};
  /// What `ssgan replay` writes of it (golden/step_dump.h), on the CPU.
  std::map<std::string, Tensor> tensors;
  std::vector<std::string> activations;  ///< their names, in the order in which they were computed
  /// A loss's gradient towards the logits of one of the discriminator's calls, [N, classes], as the
  /// tape computes it.
  struct LogitGradient {
    /// "d_real", "d_fake", "d_class", d, which all of them are a part of, or g where that reads the
    /// logits.
    std::string loss;
    std::string of;  ///< "real" or "fake"
    Tensor gradient;
  };
  std::vector<LogitGradient> logit_gradients;
  StepGraph graph;

  /// The tensor of that name as f64. Throws Error where there is none.
  Tensor tensor(const std::string& name) const;
};

/// Takes the next step.
StepRecord record_step(RunAt& run);

}  // namespace gradus::ssgan
