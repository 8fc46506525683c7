#include "apps/ssgan/run/run_plan.h"

#include <algorithm>
#include <iterator>
#include <numeric>

namespace gradus::ssgan {
namespace {

std::vector<int32_t> indices_of_ones(const Tensor& mask) {
  std::vector<int32_t> found;
  const auto values = mask.span<int32_t>();
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i]) found.push_back(static_cast<int32_t>(i));
  return found;
}

std::vector<int32_t> all_but(const std::vector<int32_t>& some, int64_t count) {
  std::vector<int32_t> all(static_cast<size_t>(count)), rest;
  std::iota(all.begin(), all.end(), 0);
  std::ranges::set_difference(all, some, std::back_inserter(rest));
  return rest;
}

}  // namespace

RunPlan::RunPlan(const Options& o, const ImageSet& train)
    : unlabeled_(o.unlabeled),
      labelled_batch_(std::min(o.labelled_batch, o.batch_size)),
      label_mask_(choose_labelled(train, o.labels, o.seed)),
      held_out_(hold_out(train, label_mask_, o.validation, o.seed)),
      labelled_(indices_of_ones(label_mask_)),
      kept_(all_but(held_out_, train.count())),
      all_(static_cast<int64_t>(kept_.size()), o.batch_size, o.seed),
      few_(labelled(), o.unlabeled ? std::max<int64_t>(labelled_batch_, 1) : o.batch_size, o.seed),
      per_epoch_(o.limit_batches ? std::min(all_.per_epoch(), o.limit_batches) : all_.per_epoch()),
      total_(o.epochs * per_epoch_),
      schedule_(o.schedule) {
  if (schedule_.kind == Schedule::Kind::staircase) schedule_.every = per_epoch_;
}

StepImages RunPlan::images(int64_t step) {
  std::vector<int32_t> few;
  if (!unlabeled_ || labelled_batch_ > 0) few = labelled_batch(step);
  if (!unlabeled_) return {few, std::ssize(few)};
  std::vector<int32_t> batch = all_.at(step / per_epoch_, step % per_epoch_);
  for (int32_t& i : batch) i = kept_[i];
  few.resize(std::min(few.size(), batch.size()));
  std::ranges::copy(few, batch.begin());
  return {batch, std::ssize(few)};
}

std::vector<int32_t> RunPlan::labelled_batch(int64_t step) {
  std::vector<int32_t> batch = few_.at(step / few_.per_epoch(), step % few_.per_epoch());
  for (int32_t& i : batch) i = labelled_[i];
  return batch;
}

int64_t RunPlan::count_labelled(const std::vector<int32_t>& images) const {
  const auto mask = label_mask_.span<int32_t>();
  return std::count_if(images.begin(), images.end(), [&](int32_t i) { return mask[i] != 0; });
}

}  // namespace gradus::ssgan
