#include "nn/module.h"

#include <algorithm>

#include "tensor/backend.h"

namespace gradus {

namespace {

template <class P>
void leave(std::vector<std::pair<std::string, P*>>& parts, const void* part) {
  std::erase_if(parts, [part](const auto& entry) { return entry.second == part; });
}

template <class P>
void replace(std::vector<std::pair<std::string, P*>>& parts, const void* from, P* to) {
  for (auto& [name, part] : parts)
    if (part == from) part = to;
}

template <class P, class Parts>
void append(std::vector<std::pair<std::string, P*>>& all, const std::string& prefix,
            const Parts& parts) {
  for (const auto& [name, part] : parts) all.emplace_back(prefix + name, part);
}

}  // namespace

Part::Part(Module& owner, const std::string& name, const Shape& shape, double value)
    : value_(Tensor::full(shape, value, owner.dtype(), owner.device())), owner_(&owner) {
  owner.admit(name);
}

Part::Part(Part&& other) noexcept
    : value_(std::move(other.value_)), owner_(std::exchange(other.owner_, nullptr)) {
  if (!owner_) return;
  replace(owner_->parameters_, &other, static_cast<Parameter*>(this));
  replace(owner_->buffers_, &other, static_cast<Buffer*>(this));
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

Module::Module(Parent parent, const std::string& name) : Module() {
  if (parent.module) parent.module->adopt(name, *this);
}

Module::Module(Module&& other) noexcept
    : dtype_(other.dtype_),
      device_(other.device_),
      parent_(std::exchange(other.parent_, nullptr)),
      children_(std::exchange(other.children_, {})),
      parameters_(std::exchange(other.parameters_, {})),
      buffers_(std::exchange(other.buffers_, {})) {
  if (parent_) replace(parent_->children_, &other, this);
  for (auto& [name, child] : children_) child->parent_ = this;
  for (auto& [name, p] : parameters_) p->owner_ = this;
  for (auto& [name, b] : buffers_) b->owner_ = this;
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

void Module::adopt(const std::string& name, Module& root) {
  require<Error>(!root.parent_, "module: {} is a part of another module already", name);
  admit(name);
  root.convert(dtype_, device_);
  root.parent_ = this;
  children_.emplace_back(name, &root);
}

void Module::convert(DType dtype, Device device) {
  dtype_ = dtype;
  device_ = device;
  for (auto& [name, p] : parameters_) p->value_ = p->value_.to(device).to(dtype);
  for (auto& [name, b] : buffers_) b->value_ = b->value_.to(device).to(dtype);
  for (auto& [name, child] : children_) child->convert(dtype, device);
}

void Module::to(Device device) {
  require<Error>(!parent_, "module: a part lies where its module does; move that");
  convert(dtype_, device);
}

void Module::to(DType dtype) {
  require<Error>(!parent_, "module: a part has its module's dtype; convert that");
  require<TypeError>(is_float(dtype), "module: it can be f32 or f64, not {}", name(dtype));
  convert(dtype, device_);
}

std::vector<std::pair<std::string, Parameter*>> Module::named_parameters() {
  auto all = parameters_;
  for (const auto& [name, child] : children_) append(all, name + ".", child->named_parameters());
  return all;
}

std::vector<std::pair<std::string, const Parameter*>> Module::named_parameters() const {
  std::vector<std::pair<std::string, const Parameter*>> all;
  append(all, "", parameters_);
  for (const auto& [name, child] : children_)
    append(all, name + ".", std::as_const(*child).named_parameters());
  return all;
}

std::vector<Parameter*> Module::parameters() {
  std::vector<Parameter*> all;
  for (const auto& [name, p] : named_parameters())
    if (!p->is_frozen()) all.push_back(p);
  return all;
}

std::vector<std::pair<std::string, Buffer*>> Module::named_buffers() {
  auto all = buffers_;
  for (const auto& [name, child] : children_) append(all, name + ".", child->named_buffers());
  return all;
}

std::vector<std::pair<std::string, const Buffer*>> Module::named_buffers() const {
  std::vector<std::pair<std::string, const Buffer*>> all;
  append(all, "", buffers_);
  for (const auto& [name, child] : children_)
    append(all, name + ".", std::as_const(*child).named_buffers());
  return all;
}

void Module::freeze(bool frozen) {
  for (const auto& [name, p] : named_parameters()) p->freeze(frozen);
}

void Module::initialize(Random& random) {
  for (const auto& [name, p] : named_parameters()) p->initialize(random);
}

void Module::save(std::map<std::string, Tensor>& tensors, const std::string& prefix) const {
  for (const auto& [name, p] : named_parameters()) tensors[prefix + name] = p->value();
  for (const auto& [name, b] : named_buffers()) tensors[prefix + name] = b->value();
}

void Module::load(const std::map<std::string, Tensor>& tensors, const std::string& prefix,
                  bool buffers) {
  for (const auto& [name, p] : named_parameters()) load_tensor(tensors, prefix + name, p->value());
  if (!buffers) return;
  for (const auto& [name, b] : named_buffers()) load_tensor(tensors, prefix + name, b->value());
}

std::string to_string(const Module& module) {
  std::vector<std::pair<std::string, std::string>> lines;  // a module's name, its parts
  const auto add = [&](const std::string& name, const Tensor& value, const char* remark) {
    const size_t dot = name.rfind('.');
    const std::string of = dot == std::string::npos ? "" : name.substr(0, dot);
    auto line = std::ranges::find(lines, of, &std::pair<std::string, std::string>::first);
    if (line == lines.end()) line = lines.insert(line, {of, of.empty() ? "" : of + ":"});
    line->second +=
        fmt::format("{}{} {}{}", line->second.empty() ? "" : " ",
                    name.substr(dot == std::string::npos ? 0 : dot + 1), value.shape(), remark);
  };
  int64_t count = 0, frozen = 0;
  for (const auto& [name, p] : module.named_parameters()) {
    add(name, p->value(), p->is_frozen() ? " frozen" : "");
    count += p->value().count();
    if (p->is_frozen()) frozen += p->value().count();
  }
  for (const auto& [name, b] : module.named_buffers()) add(name, b->value(), " kept");
  std::string text;
  for (const auto& [of, line] : lines) text += line + "\n";
  return text + fmt::format("{} parameters, {} of them frozen", count, frozen);
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
