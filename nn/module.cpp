#include "nn/module.h"

#include <algorithm>

#include "tensor/backend.h"

namespace gradus {

namespace {

template <class P>
void leave(std::vector<std::pair<std::string, P*>>& parts, const void* part) {
  std::erase_if(parts, [part](const auto& entry) { return entry.second == part; });
}

}  // namespace

Part::Part(Module& owner, const std::string& name, const Shape& shape, double value)
    : value_(Tensor::full(shape, value, owner.dtype(), owner.device())), owner_(&owner) {
  owner.admit(name);
}

Part::~Part() {
  if (!owner_) return;
  leave(owner_->parameters_, this);
  leave(owner_->buffers_, this);
}

Parameter::Parameter(Module& owner, const std::string& name, const Shape& shape,
                     Initializer initializer, int64_t fan_in, int64_t fan_out)
    : Part(owner, name, shape, 0),
      initializer_(std::move(initializer)),
      fan_in_(fan_in),
      fan_out_(fan_out) {
  owner.parameters_.emplace_back(name, this);
}

void Parameter::initialize(Random& random) {
  Tensor filled = value_;
  initializer_(filled, fan_in_, fan_out_, random);
  require<Error>(filled.defined() && filled.raw() == value_.raw(),
                 "initialize: an initializer fills the tensor that it is given; this one has "
                 "replaced it");
}

Buffer::Buffer(Module& owner, const std::string& name, const Shape& shape, double value)
    : Part(owner, name, shape, value) {
  owner.buffers_.emplace_back(name, this);
}

Module::Module(Module& parent, const std::string& name)
    : dtype_(parent.dtype_), device_(parent.device_), parent_(&parent) {
  parent.admit(name);
  parent.children_.emplace_back(name, this);
}

Module::~Module() {
  if (parent_) leave(parent_->children_, this);
  for (auto& [name, child] : children_) child->parent_ = nullptr;
  for (auto& [name, p] : parameters_) p->owner_ = nullptr;
  for (auto& [name, b] : buffers_) b->owner_ = nullptr;
}

void Module::admit(const std::string& name) const {
  require<Error>(!name.empty() && name.find('.') == std::string::npos,
                 "module: a part's name is not empty and has no dot, unlike \"{}\"", name);
  const auto taken = [&name](const auto& parts) {
    return std::ranges::any_of(parts, [&name](const auto& entry) { return entry.first == name; });
  };
  require<Error>(!taken(children_) && !taken(parameters_) && !taken(buffers_),
                 "module: it has a part named {} already", name);
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

std::vector<const void*> addresses_of_parameters(Module& module) {
  std::vector<const void*> addresses;
  for (const Parameter* p : module.parameters()) addresses.push_back(p->value().raw());
  return addresses;
}

void load_tensor(const std::map<std::string, Tensor>& tensors, const std::string& name, Tensor to) {
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
