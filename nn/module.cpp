#include "nn/module.h"

#include "tensor/backend.h"

namespace gradus {

Parameter::Parameter(Module& owner, std::string name, const Shape& shape, Initializer initializer,
                     int64_t fan_in, int64_t fan_out)
    : value_(Tensor::zeros(shape, owner.dtype(), owner.device())),
      initializer_(std::move(initializer)),
      fan_in_(fan_in),
      fan_out_(fan_out) {
  owner.parameters_.emplace_back(std::move(name), this);
}

Buffer::Buffer(Module& owner, std::string name, const Shape& shape, double value)
    : value_(Tensor::full(shape, value, owner.dtype(), owner.device())) {
  owner.buffers_.emplace_back(std::move(name), this);
}

Module::Module(Module& parent, std::string name) : dtype_(parent.dtype_), device_(parent.device_) {
  parent.children_.emplace_back(std::move(name), this);
}

std::vector<std::pair<std::string, Parameter*>> Module::named_parameters() {
  auto all = parameters_;
  for (const auto& [child_name, child] : children_)
    for (const auto& [name, p] : child->named_parameters())
      all.emplace_back(child_name + "." + name, p);
  return all;
}

std::vector<Parameter*> Module::parameters() {
  std::vector<Parameter*> all;
  for (const auto& [name, p] : named_parameters()) all.push_back(p);
  return all;
}

std::vector<std::pair<std::string, Buffer*>> Module::named_buffers() {
  auto all = buffers_;
  for (const auto& [child_name, child] : children_)
    for (const auto& [name, b] : child->named_buffers())
      all.emplace_back(child_name + "." + name, b);
  return all;
}

void Module::initialize(Random& random) {
  for (Parameter* p : parameters()) p->initialize(random);
}

void Module::save(std::map<std::string, Tensor>& tensors, const std::string& prefix) {
  for (const auto& [name, p] : named_parameters()) tensors[prefix + name] = p->value();
  for (const auto& [name, b] : named_buffers()) tensors[prefix + name] = b->value();
}

void Module::load(const std::map<std::string, Tensor>& tensors, const std::string& prefix,
                  bool buffers) {
  for (const auto& [name, p] : named_parameters()) load_tensor(tensors, prefix + name, p->value());
  if (!buffers) return;
  for (const auto& [name, b] : named_buffers()) load_tensor(tensors, prefix + name, b->value());
}

void load_tensor(const std::map<std::string, Tensor>& tensors, const std::string& name,
                 Tensor& to) {
  const auto it = tensors.find(name);
  require<DataError>(it != tensors.end(), "no tensor {}; {} expected", name, to.shape());
  const Tensor& from = it->second;
  require<DataError>(from.shape() == to.shape(), "tensor {} has shape {}; {} expected", name,
                     from.shape(), to.shape());
  require<DataError>(from.dtype() == to.dtype() || (is_float(from.dtype()) && is_float(to.dtype())),
                     "tensor {} holds {}; {} expected", name, gradus::name(from.dtype()),
                     gradus::name(to.dtype()));
  to.copy_from(from.to(to.dtype()));
}

}  // namespace gradus
