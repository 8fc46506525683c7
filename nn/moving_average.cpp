#include "nn/moving_average.h"

#include <algorithm>

namespace gradus {

ExponentialMovingAverage::ExponentialMovingAverage(Module& module, double decay)
    : update_{decay}, module_(module), addresses_(addresses_of_parameters(module)) {
  require<Error>(decay >= 0 && decay < 1, "moving average: the decay must lie in [0, 1), got {}",
                 decay);
  for (const auto& [name, p] : module.named_parameters()) {
    names_.push_back(name);
    slots_.push_back({p->value().clone(), p->value(), {}, {}});
  }
}

ExponentialMovingAverage::ExponentialMovingAverage(Module& module, double decay, Module& average)
    : ExponentialMovingAverage(module, decay) {
  const auto own = average.named_parameters();
  require<Error>(own.size() == slots_.size(), "moving average: {} parameters in one of {}",
                 own.size(), slots_.size());
  for (size_t i = 0; i < own.size(); ++i) {
    const auto& [name, p] = own[i];
    require<Error>(name == names_[i], "moving average: parameter {} in the place of {}", name,
                   names_[i]);
    p->copy_from(slots_[i].value);
    slots_[i].value = p->value();
  }
}

void ExponentialMovingAverage::require_same_parameters() {
  require<Error>(addresses_of_parameters(module_) == addresses_,
                 "moving average: the module's parameters are not those that it was made with");
}

void ExponentialMovingAverage::update() { update(update_); }

void ExponentialMovingAverage::update(int64_t taken) {
  const auto t = static_cast<double>(taken);
  update(EmaUpdate{std::min(update_.decay, (1 + t) / (10 + t))});
}

void ExponentialMovingAverage::update(const EmaUpdate& update) {
  require_same_parameters();
  if (!slots_.empty()) backend(slots_[0].value).update(update, {}, {}, slots_);
}

void ExponentialMovingAverage::swap() {
  require_same_parameters();
  for (auto& [average, parameter, m, v] : slots_) {
    const Tensor held = average.clone();
    average.copy_from(parameter);
    parameter.copy_from(held);
  }
}

void ExponentialMovingAverage::save(std::map<std::string, Tensor>& tensors,
                                    const std::string& prefix) const {
  for (const auto& [name, b] : module_.named_buffers()) tensors[prefix + name] = b->value();
  for (size_t i = 0; i < slots_.size(); ++i) tensors[prefix + names_[i]] = slots_[i].value;
}

void ExponentialMovingAverage::load(const std::map<std::string, Tensor>& tensors,
                                    const std::string& prefix) {
  for (size_t i = 0; i < slots_.size(); ++i)
    load_tensor(tensors, prefix + names_[i], slots_[i].value);
}

}  // namespace gradus
