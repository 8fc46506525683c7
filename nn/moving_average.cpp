#include "nn/moving_average.h"

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

void ExponentialMovingAverage::require_same_parameters() {
  require<Error>(addresses_of_parameters(module_) == addresses_,
                 "moving average: the module's parameters are not those that it was made with");
}

void ExponentialMovingAverage::update() {
  require_same_parameters();
  if (!slots_.empty()) backend(slots_[0].value).update(update_, {}, {}, slots_);
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
