#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/ssgan/study/step_record.h"

namespace gradus::ssgan {

/// How one layer does in one training step. NaN where a layer has no such figure.
struct LayerHealth {
  std::string layer;   ///< "discriminator.conv3"
  double gradient;     ///< of its weight, rms
  double update;       ///< of its weight over the learning rate, rms; Adam's is about 1 or less
  double silent_real;  ///< share of channels whose activation is positive for no pixel of the batch
  double silent_fake;  ///< the same on generated images; a generator's layers have this alone
  double mean_gap;     ///< |running mean - batch mean| / batch deviation, mean over the channels
  double variance_ratio;  ///< running / batch variance, mean over the channels
  bool learns;            ///< whether a loss depends on its weight
};

struct StepHealth {
  int64_t step = 0;  ///< 1 is the run's first
  double epoch = 0;  ///< of the run, by then
  Metrics metrics = {};
  double feature_gap = 0;   ///< |mean features of real images - of generated ones|, mean: this is g
  double feature_size = 0;  ///< |mean features of real images|, mean
  int64_t dead_parameters = 0;  ///< numbers that no loss depends on
  std::vector<LayerHealth> layers;
};

StepHealth health_of(const StepRecord& record, int64_t steps_per_epoch);

nlohmann::ordered_json to_json(const StepHealth& health);
/// A table for a terminal.
std::string to_text(const StepHealth& health);

}  // namespace gradus::ssgan
