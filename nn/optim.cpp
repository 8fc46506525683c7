#include "nn/optim.h"

#include "autograd/elementwise.h"

namespace gradus {
namespace {

template <class Slot>
void set_gradients(std::vector<Slot>& slots, const std::vector<Tensor>& gradients) {
  require<ShapeError>(gradients.size() == slots.size(), "optimizer: {} gradients for {} parameters",
                      gradients.size(), slots.size());
  for (size_t i = 0; i < slots.size(); ++i) {
    require<ShapeError>(gradients[i].shape() == slots[i].value.shape(),
                        "optimizer: gradient {} for a parameter {}", gradients[i].shape(),
                        slots[i].value.shape());
    slots[i].grad = gradients[i];
  }
}

/// Gradients live no longer than the step that uses them.
template <class Slot>
void drop_gradients(std::vector<Slot>& slots) {
  for (Slot& slot : slots) slot.grad = {};
}

Tensor zeros_like(const Tensor& t) { return Tensor::zeros(t.shape(), t.dtype(), t.device()); }

}  // namespace

Adam::Adam(Module& module, const AdamParams& params)
    : params_(params), t_(Tensor::zeros({}, DType::i32, module.device())) {
  for (const auto& [name, p] : module.named_parameters()) {
    names_.push_back(name);
    slots_.push_back({p->value(), {}, zeros_like(p->value()), zeros_like(p->value())});
  }
}

void Adam::step(const std::vector<Tensor>& gradients, const Tensor& lr) {
  set_gradients(slots_, gradients);
  backend(t_).increment(t_);
  backend(t_).adam(params_, lr, t_, slots_);
  drop_gradients(slots_);
}

void Adam::save(std::map<std::string, Tensor>& tensors, const std::string& prefix) const {
  for (size_t i = 0; i < slots_.size(); ++i) {
    tensors[prefix + "m." + names_[i]] = slots_[i].m;
    tensors[prefix + "v." + names_[i]] = slots_[i].v;
  }
  tensors[prefix + "t"] = t_;
}

void Adam::load(const std::map<std::string, Tensor>& tensors, const std::string& prefix) {
  for (size_t i = 0; i < slots_.size(); ++i) {
    load_tensor(tensors, prefix + "m." + names_[i], slots_[i].m);
    load_tensor(tensors, prefix + "v." + names_[i], slots_[i].v);
  }
  load_tensor(tensors, prefix + "t", t_);
}

Sgd::Sgd(Module& module, double momentum) : momentum_(momentum) {
  for (const auto& [name, p] : module.named_parameters())
    slots_.push_back({p->value(), {}, momentum ? zeros_like(p->value()) : Tensor()});
}

void Sgd::step(const std::vector<Tensor>& gradients, const Tensor& lr) {
  set_gradients(slots_, gradients);
  backend(lr).sgd(momentum_, lr, slots_);
  drop_gradients(slots_);
}

}  // namespace gradus
