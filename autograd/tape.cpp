#include "autograd/tape.h"

#include "tensor/backend.h"
#include "tensor/scope.h"

namespace gradus {
namespace {

std::string gradient_of(const std::string& scope, const std::string& operation) {
  return "gradient of " + (scope.empty() ? operation : scope + ": " + operation);
}

}  // namespace

Var Var::detach() const {
  Var constant = *this;
  constant.tape_ = nullptr;
  constant.id_ = -1;
  return constant;
}

Tensor Gradient::applied() const {
  return std::visit(
      [this](auto f) {
        if constexpr (std::is_same_v<decltype(f), Identity>) {
          return dy;
        } else {
          Tensor dx = reused();
          backend(dx).unary_backward(f, {}, y, dy, dx);
          return dx;
        }
      },
      activation);
}

Var Tape::watch(Tensor value) {
  require<Error>(value.defined(), "watch: the tensor is undefined");
  require<TypeError>(is_float(value.dtype()), "watch: gradients need f32 or f64, got {}",
                     name(value.dtype()));
  Var v(std::move(value));
  v.tape_ = shared_from_this();
  v.id_ = size();
  nodes_.push_back({{"leaf", {}, v.shape()}, nullptr, ""});
  return v;
}

Var Tape::record(const char* operation, std::initializer_list<Var> inputs, Tensor value,
                 BackwardRule backward) {
  return record(operation, std::span(inputs.begin(), inputs.size()), std::move(value),
                std::move(backward));
}

Var Tape::record(const char* operation, std::span<const Var> inputs, Tensor value,
                 BackwardRule backward) {
  return record(
      operation, inputs, Var(std::move(value)),
      [rule = std::move(backward)](const Gradient& g, GradSink& grads) { rule(g.dy, grads); });
}

Var Tape::record(const char* operation, std::initializer_list<Var> inputs, Pending value,
                 PendingRule backward) {
  return record(operation, std::span(inputs.begin(), inputs.size()), Var(std::move(value)),
                std::move(backward));
}

Var Tape::record(const char* operation, std::span<const Var> inputs, Var out,
                 PendingRule backward) {
  std::vector<int> ids;
  ids.reserve(inputs.size());
  for (const Var& in : inputs) {
    ids.push_back(in.id_);
    if (!in.tape_) continue;
    require<TapeError>(!out.tape_ || out.tape_ == in.tape_, "{}: its inputs are on two tapes",
                       operation);
    out.tape_ = in.tape_;
  }
  if (!out.tape_) return out;
  out.id_ = out.tape_->size();
  out.tape_->nodes_.push_back({{operation, std::move(ids), out.shape()},
                               std::move(backward),
                               Scope::path(),
                               out.pending_ != nullptr});
  return out;
}

const Tape::Operation& Tape::operation(int place) const {
  require<TapeError>(place >= 0 && place < size(), "operation: place {} is not on this tape",
                     place);
  return nodes_[place];
}

int Tape::place(const Var& v) const {
  require<TapeError>(v.tape_.get() == this, "place: the value is not on this tape");
  return v.id_;
}

bool GradSink::wants(int input) const {
  const int id = tape_.nodes_[node_].inputs[input];
  return id >= 0 && tape_.wanted_[id];
}

void GradSink::add(int input, const Var& grad) {
  if (!wants(input)) return;
  const int id = tape_.nodes_[node_].inputs[input];
  const Shape& shape = tape_.nodes_[id].shape;
  Tensor dx = grad.value();
  if (dx.shape() != shape) {
    Tensor summed(shape, dx.dtype(), dx.device());
    backend(dx).reduce(Reduction::sum, dx, summed);
    dx = std::move(summed);
  }
  Gradient& slot = tape_.grads_[id];
  if (!slot.dy.defined()) {
    slot = {std::move(dx)};
    return;
  }
  slot = {slot.applied()};
  Tensor sum = slot.reused();
  backend(sum).binary(Add{}, slot.dy, dx, sum);
  slot.dy = std::move(sum);
}

void GradSink::add_activation(int input, const Gradient& grad) {
  if (!wants(input)) return;
  const int id = tape_.nodes_[node_].inputs[input];
  Gradient& slot = tape_.grads_[id];
  if (tape_.nodes_[id].takes_activation && !tape_.is_target_[id] && !slot.dy.defined())
    slot = grad;
  else
    add(input, grad.applied());
}

std::vector<Tensor> Tape::gradients(const Var& loss, std::span<const Var> targets, bool retain) {
  require<TapeError>(loss.tape_.get() == this, "gradients: the loss is not on this tape");
  require<ShapeError>(loss.shape().count() == 1,
                      "gradients: the loss has shape {}, not one element", loss.shape());
  wanted_.assign(nodes_.size(), false);
  for (const Var& t : targets) {
    require<TapeError>(t.tape_.get() == this, "gradients: a target is not on this tape");
    wanted_[t.id_] = true;
  }
  for (int i = 0; i <= loss.id_; ++i)
    for (const int in : nodes_[i].inputs)
      if (in >= 0 && wanted_[in]) wanted_[i] = true;

  grads_.assign(nodes_.size(), {});
  is_target_.assign(nodes_.size(), false);
  for (const Var& t : targets) is_target_[t.id_] = true;
  if (wanted_[loss.id_])
    grads_[loss.id_] = {Tensor::full(loss.shape(), 1, loss.dtype(), loss.device())};
  for (int i = loss.id_; i >= 0; --i) {
    Node& node = nodes_[i];
    if (!grads_[i].dy.defined() || node.inputs.empty()) continue;
    require<TapeError>(
        node.backward != nullptr,
        "gradients: what {} had saved was freed by an earlier call; pass retain there", node.name);
    const Gradient dy = is_target_[i] ? grads_[i] : std::move(grads_[i]);
    const Scope scope(dy.dy.device(), gradient_of(node.scope, node.name));
    GradSink sink(*this, i);
    node.backward(dy, sink);
    if (!retain) node.backward = nullptr;
  }

  std::vector<Tensor> out;
  out.reserve(targets.size());
  for (const Var& t : targets) {
    const Tensor& g = grads_[t.id_].dy;
    out.push_back(g.defined() ? g : Tensor::zeros(t.shape(), t.dtype(), t.device()));
  }
  grads_.clear();
  return out;
}

}  // namespace gradus
