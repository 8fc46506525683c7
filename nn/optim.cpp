#include "nn/optim.h"

namespace gradus {

Optimizer::Optimizer(Module& module, const UpdateFn& update)
    : module_(module),
      addresses_(addresses_of_parameters(module)),
      update_(update),
      t_(Tensor::zeros({}, DType::i32, module.device())) {
  const auto [uses_m, uses_v] =
      std::visit([](const auto& f) { return std::pair(f.uses_m(), f.uses_v()); }, update);
  for (const auto& [name, p] : module.named_parameters()) {
    const Tensor& value = p->value();
    const auto moment = [&](bool used) {
      return used ? Tensor::zeros(value.shape(), value.dtype(), value.device()) : Tensor();
    };
    names_.push_back(name);
    slots_.push_back({value, {}, moment(uses_m), moment(uses_v)});
  }
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
  backend(t_).update(update_, lr, t_, slots_);
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
