#include "nn/optim.h"

#include "autograd/elementwise.h"

namespace gradus {

Optimizer::Optimizer(Module& module, const UpdateFn& update)
    : module_(module),
      addresses_(addresses_of_parameters(module)),
      groups_{{update, 1}},
      t_(Tensor::zeros({}, DType::i32, module.device())) {
  const auto [uses_m, uses_v] =
      std::visit([](const auto& f) { return std::pair(f.uses_m(), f.uses_v()); }, update);
  for (const auto& [name, p] : module.named_parameters()) {
    if (p->is_frozen()) continue;
    const Tensor& value = p->value();
    const auto moment = [&](bool used) {
      return used ? Tensor::zeros(value.shape(), value.dtype(), value.device()) : Tensor();
    };
    names_.push_back(name);
    slots_.push_back({value, {}, moment(uses_m), moment(uses_v)});
  }
  group_of_.assign(slots_.size(), 0);
}

void Optimizer::group(
    const std::function<bool(const std::string& name, const Shape& shape)>& chooses,
    const UpdateFn& update, double lr_factor) {
  const auto moments = [](const UpdateFn& fn) {
    return std::visit([](const auto& f) { return std::pair(f.uses_m(), f.uses_v()); }, fn);
  };
  const UpdateFn& others = groups_[0].update;
  require<Error>(update.index() == others.index() && moments(update) == moments(others),
                 "optimizer: a group's update must be of the same kind and use the same moments");
  const std::vector<size_t> before = group_of_;
  for (size_t i = 0; i < slots_.size(); ++i)
    if (chooses(names_[i], slots_[i].value.shape())) group_of_[i] = groups_.size();
  require<Error>(group_of_ != before, "optimizer: a group chooses none of {} parameters",
                 slots_.size());
  groups_.push_back({update, lr_factor});
}

void Optimizer::step(const std::vector<Tensor>& gradients, const Tensor& lr) {
  require<ShapeError>(gradients.size() == slots_.size(),
                      "optimizer: {} gradients for {} parameters", gradients.size(), slots_.size());
  require<TypeError>(lr.dtype() == DType::f64, "optimizer: the learning rate must be f64, got {}",
                     name(lr.dtype()));
  require<ShapeError>(lr.shape() == Shape{}, "optimizer: the learning rate must be [], got {}",
                      lr.shape());
  require<DeviceError>(lr.device() == t_.device(),
                       "optimizer: the learning rate is on {}, the parameters on {}",
                       to_string(lr.device()), to_string(t_.device()));
  require<Error>(addresses_of_parameters(module_) == addresses_,
                 "optimizer: the module's parameters are not those that it was made with");
  for (size_t i = 0; i < slots_.size(); ++i) {
    require<ShapeError>(gradients[i].shape() == slots_[i].value.shape(),
                        "optimizer: gradient {} for a parameter {}", gradients[i].shape(),
                        slots_[i].value.shape());
    require<TypeError>(gradients[i].dtype() == slots_[i].value.dtype(),
                       "optimizer: gradient of {} for a parameter of {}",
                       name(gradients[i].dtype()), name(slots_[i].value.dtype()));
    require<DeviceError>(gradients[i].device() == slots_[i].value.device(),
                         "optimizer: gradient on {} for a parameter on {}",
                         to_string(gradients[i].device()), to_string(slots_[i].value.device()));
  }
  for (size_t i = 0; i < slots_.size(); ++i) slots_[i].grad = gradients[i];
  backend(t_).increment(t_);
  for (size_t i = 0; i < groups_.size(); ++i) {
    std::vector<UpdateSlot> members;
    for (size_t k = 0; k < slots_.size(); ++k)
      if (group_of_[k] == i) members.push_back(slots_[k]);
    const auto& [update, factor] = groups_[i];
    backend(t_).update(update, factor == 1 ? lr : (Var(lr) * factor).value(), t_, members);
  }
  for (UpdateSlot& slot : slots_) slot.grad = {};  // it lives no longer than the step that uses it
}

void Optimizer::save(std::map<std::string, Tensor>& tensors, const std::string& prefix) const {
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].m.defined()) tensors[prefix + "m." + names_[i]] = slots_[i].m;
    if (slots_[i].v.defined()) tensors[prefix + "v." + names_[i]] = slots_[i].v;
  }
  tensors[prefix + "t"] = t_;
}

void Optimizer::load(const std::map<std::string, Tensor>& tensors, const std::string& prefix) {
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].m.defined()) load_tensor(tensors, prefix + "m." + names_[i], slots_[i].m);
    if (slots_[i].v.defined()) load_tensor(tensors, prefix + "v." + names_[i], slots_[i].v);
  }
  load_tensor(tensors, prefix + "t", t_);
}

}  // namespace gradus
