#include "autograd/tape.h"

#include "autograd/composite.h"
#include "tensor/backend.h"
#include "tensor/scope.h"

namespace gradus {
namespace {

std::string gradient_of(const std::string& scope, const std::string& operation) {
  return "gradient of " + (scope.empty() ? operation : scope + ": " + operation);
}

bool broadcasts_to(const Shape& from, const Shape& to) {
  if (from.rank() > to.rank()) return false;
  for (int i = 1; i <= from.rank(); ++i)
    if (from[-i] != to[-i] && from[-i] != 1) return false;
  return true;
}

}  // namespace

Var Var::detach() const {
  Var constant = *this;
  constant.tape_ = nullptr;
  constant.id_ = -1;
  return constant;
}

Tape::Node& Tape::append(const char* name, std::vector<int> inputs, const Var& value) {
  Node& node = nodes_.emplace_back();
  node.name = name;
  node.inputs = std::move(inputs);
  node.shape = value.shape();
  node.dtype = value.dtype();
  node.device = value.device();
  return node;
}

Var Tape::watch(Tensor value) {
  require<Error>(value.defined(), "watch: the tensor is undefined");
  require<TypeError>(is_float(value.dtype()), "watch: gradients need f32 or f64, got {}",
                     name(value.dtype()));
  Var v(std::move(value));
  v.tape_ = shared_from_this();
  v.id_ = size();
  append("leaf", {}, v);
  return v;
}

Var Tape::record(const char* operation, std::initializer_list<Var> inputs, const Var& value,
                 BackwardRule backward) {
  return record(operation, std::span(inputs.begin(), inputs.size()), value, std::move(backward));
}

Var Tape::record(const char* operation, std::span<const Var> inputs, const Var& value,
                 BackwardRule backward) {
  require<Error>(value.defined(), "{}: its value is undefined", Composite::name(operation));
  Var out = value.detach();
  std::vector<int> ids;
  ids.reserve(inputs.size());
  for (const Var& in : inputs) {
    ids.push_back(in.id_);
    if (!in.tape_) continue;
    require<TapeError>(!out.tape_ || out.tape_ == in.tape_, "{}: its inputs are on two tapes",
                       Composite::name(operation));
    out.tape_ = in.tape_;
  }
  if (!out.tape_) return out;
  out.id_ = out.tape_->size();
  Node& node = out.tape_->append(Composite::name(operation), std::move(ids), out);
  node.scope = Scope::path();
  node.backward = std::move(backward);
  return out;
}

const Tape::Operation& Tape::operation(int node) const {
  require<TapeError>(node >= 0 && node < size(), "operation: node {} is not on this tape", node);
  return nodes_[node];
}

int Tape::node_of(const Var& v) const {
  require<TapeError>(v.tape_.get() == this, "node_of: the value is not on this tape");
  return v.id_;
}

/// One call of `gradients`: of each node,
struct GradSink::Call {
  Tape& tape;
  int64_t number;
  std::vector<char> wanted;   ///< whether it depends on a target
  std::vector<char> target;   ///< whether it is one
  std::vector<int> readers;   ///< that pass a gradient on to it, if `wanted`
  std::vector<Tensor> grads;  ///< what has been added up so far
};

int GradSink::id_of(int input) const {
  const Tape::Node& node = call_.tape.nodes_[node_];
  const auto inputs = static_cast<int>(node.inputs.size());
  require<TapeError>(input >= 0 && input < inputs,
                     "{}: its rule asks for input {}, counted from 0, of {}", node.name, input,
                     inputs);
  return node.inputs[input];
}

bool GradSink::wants(int input) const {
  const int id = id_of(input);
  return id >= 0 && call_.wanted[id];
}

bool GradSink::alone(int input) const {
  return wants(input) && call_.readers[id_of(input)] == 1 && !call_.target[id_of(input)];
}

int64_t GradSink::call() const { return call_.number; }

const Tensor& GradSink::read(const Saved& saved) const {
  return saved.read(call_.tape.nodes_[node_].name, "gradient");
}

void GradSink::add(int input, const Var& grad) {
  if (!wants(input)) return;
  const char* const operation = call_.tape.nodes_[node_].name;
  const Tape::Node& in = call_.tape.nodes_[id_of(input)];
  require<Error>(grad.defined(), "{}: its rule gives input {} an undefined gradient", operation,
                 input);
  require<TypeError>(grad.dtype() == in.dtype,
                     "{}: its rule gives input {}, which is {}, a gradient of {}", operation, input,
                     name(in.dtype), name(grad.dtype()));
  require<DeviceError>(grad.device() == in.device,
                       "{}: its rule gives input {}, which is on {}, a gradient on {}", operation,
                       input, to_string(in.device), to_string(grad.device()));
  require<ShapeError>(broadcasts_to(in.shape, grad.shape()),
                      "{}: its rule gives input {}, which is {}, a gradient of shape {}", operation,
                      input, in.shape, grad.shape());
  Tensor dx = grad.value();
  if (dx.shape() != in.shape) {
    Tensor summed(in.shape, dx.dtype(), dx.device());
    backend(dx).reduce(Reduction::sum, dx, summed);
    dx = std::move(summed);
  }
  Tensor& so_far = call_.grads[id_of(input)];
  if (so_far.defined()) {
    Tensor sum = so_far.unique() ? so_far : so_far.like();
    backend(sum).binary(Add{}, so_far, dx, sum);
    dx = std::move(sum);
  }
  so_far = std::move(dx);
}

std::vector<Tensor> Tape::gradients(const Var& loss, std::span<const Var> targets, bool retain) {
  require<TapeError>(loss.tape_.get() == this, "gradients: the loss is not on this tape");
  require<ShapeError>(loss.shape().count() == 1,
                      "gradients: the loss has shape {}, not one element", loss.shape());
  return gradients(loss, Tensor::full(loss.shape(), 1, loss.dtype(), loss.device()), targets,
                   retain);
}

std::vector<Tensor> Tape::gradients(const Var& output, const Tensor& seed,
                                    std::span<const Var> targets, bool retain) {
  require<TapeError>(output.tape_.get() == this, "gradients: the output is not on this tape");
  require<Error>(seed.defined(), "gradients: the output's gradient is undefined");
  require<ShapeError>(seed.shape() == output.shape(), "gradients: an output {} with a gradient {}",
                      output.shape(), seed.shape());
  require<TypeError>(seed.dtype() == output.dtype(),
                     "gradients: an output of {} with a gradient of {}", name(output.dtype()),
                     name(seed.dtype()));
  require<DeviceError>(seed.device() == output.device(),
                       "gradients: an output on {} with a gradient on {}",
                       to_string(output.device()), to_string(seed.device()));
  GradSink::Call call{*this,
                      ++calls_,
                      std::vector<char>(nodes_.size()),
                      std::vector<char>(nodes_.size()),
                      std::vector<int>(nodes_.size()),
                      std::vector<Tensor>(nodes_.size())};
  for (const Var& t : targets) {
    require<TapeError>(t.tape_.get() == this, "gradients: a target is not on this tape");
    call.wanted[t.id_] = call.target[t.id_] = true;
  }
  for (int i = 0; i <= output.id_; ++i)
    for (const int in : nodes_[i].inputs)
      if (in >= 0 && call.wanted[in]) call.wanted[i] = true;
  call.readers[output.id_] = 1;  // the caller, who starts with the seed
  for (int i = output.id_; i >= 0; --i)
    for (const int in : nodes_[i].inputs)
      if (in >= 0 && call.wanted[i] && call.readers[i] > 0) ++call.readers[in];

  if (call.wanted[output.id_]) call.grads[output.id_] = seed;
  for (int i = output.id_; i >= 0; --i) {
    Node& node = nodes_[i];
    if (!call.grads[i].defined() || node.inputs.empty()) continue;
    require<TapeError>(
        node.backward != nullptr,
        "gradients: what {} had saved was freed by an earlier call; pass retain there", node.name);
    const Tensor dy = call.target[i] ? call.grads[i] : std::move(call.grads[i]);
    const Scope scope(dy.device(), gradient_of(node.scope, node.name));
    GradSink sink(call, i);
    node.backward(dy, sink);
    if (!retain) node.backward = nullptr;
  }

  std::vector<Tensor> out;
  out.reserve(targets.size());
  for (const Var& t : targets) {
    const Tensor& g = call.grads[t.id_];
    out.push_back(g.defined() ? g : Tensor::zeros(t.shape(), t.dtype(), t.device()));
  }
  call.grads.clear();
  for (Tensor& g : out)
    if (!g.unique()) g = g.clone();
  return out;
}

}  // namespace gradus
