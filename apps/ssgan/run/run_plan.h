#pragma once

#include <cstdint>
#include <vector>

#include "apps/ssgan/model/trainer.h"
#include "nn/data/batches.h"
#include "nn/data/image_set.h"

namespace gradus::ssgan {

/// Which images and which learning rate each step of a run has: functions of the options, the
/// training set and the step (0 is the first, total_steps() - 1 the last, unchecked) alone, so that
/// a run can be taken up or repeated at any step.
class RunPlan {
 public:
  /// Throws DataError where the set is empty or has fewer images than options.labels and
  /// options.validation ask for.
  RunPlan(const Options& options, const ImageSet& train);

  /// Steps.
  int64_t per_epoch() const { return per_epoch_; }
  int64_t total_steps() const { return total_; }
  double lr(int64_t step) const { return schedule_.at(step, total_); }
  /// The batch that the epoch's order gives, its first images replaced by labelled ones where
  /// options.labelled_batch says so: fewer in the last batch of a pass through them, or where there
  /// are fewer. For the baseline (options.unlabeled false) labelled images
  /// alone.
  StepImages images(int64_t step);

  /// 1 where the label is visible, i32 [N].
  const Tensor& label_mask() const { return label_mask_; }
  /// How many labels are visible, in the set and among `images`.
  int64_t labelled() const { return static_cast<int64_t>(labelled_.size()); }
  int64_t count_labelled(const std::vector<int32_t>& images) const;
  /// The images of options.validation, which are in no batch.
  const std::vector<int32_t>& held_out() const { return held_out_; }

 private:
  std::vector<int32_t> labelled_batch(int64_t step);

  bool unlabeled_;
  int64_t labelled_batch_;
  Tensor label_mask_;
  std::vector<int32_t> held_out_, labelled_, kept_;  // kept_: all but those held out
  Batches all_, few_;                                // of kept_; of the labelled ones
  int64_t per_epoch_, total_;
  Schedule schedule_;
};

}  // namespace gradus::ssgan
