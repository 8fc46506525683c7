#include "nn/pass.h"

#include "autograd/shaping.h"
#include "nn/module.h"
#include "tensor/communicator.h"

namespace gradus {
namespace {

/// What a rank's tape starts from: all ranks have the same loss, and it counts once.
Tensor seed_of(const Var& loss, const Communicator* ranks) {
  return Tensor::full(loss.shape(), !ranks || ranks->rank() == 0, loss.dtype(), loss.device());
}

/// Sums each tensor over ranks, all in one message.
void sum(Communicator& ranks, std::vector<Tensor>& tensors) {
  std::vector<Var> flat;
  std::vector<int64_t> counts;
  for (const Tensor& t : tensors) {
    flat.emplace_back(t.reshape({t.count()}));
    counts.push_back(t.count());
  }
  Tensor all = concat(flat, 0).value();
  ranks.sum(all);
  const std::vector<Var> parts = split(Var(all), counts, 0);
  for (size_t i = 0; i < tensors.size(); ++i)
    tensors[i] = parts[i].value().reshape(tensors[i].shape());
}

}  // namespace

Pass Pass::training(Random& random) {
  Pass pass;
  pass.state_->tape = Tape::make();
  pass.state_->random = &random;
  pass.training_ = true;
  pass.statistics_ = Statistics::batch_and_update;
  return pass;
}

Pass Pass::evaluation(Statistics statistics) {
  Pass pass;
  pass.statistics_ = statistics;
  return pass;
}

Pass Pass::initialization() {
  Pass pass;
  pass.initialization_ = true;
  return pass;
}

Var Pass::use(const Parameter& p) const {
  if (const auto it = state_->uses.find(&p); it != state_->uses.end()) return it->second;
  if (!state_->tape) return p.value();
  return state_->uses[&p] = state_->tape->watch(p.value());
}

std::vector<Tensor> Pass::gradients(const Var& loss, const std::vector<Parameter*>& parameters,
                                    bool retain) const {
  require<TapeError>(state_->tape != nullptr, "gradients: this pass records nothing");
  std::vector<Var> targets;
  targets.reserve(parameters.size());
  for (const Parameter* p : parameters) targets.push_back(use(*p));
  if (!ranks_) return state_->tape->gradients(loss, targets, retain);
  require<ShapeError>(loss.shape().count() == 1,
                      "gradients: the loss has shape {}, not one element", loss.shape());
  std::vector<Tensor> all = state_->tape->gradients(loss, seed_of(loss, ranks_), targets, retain);
  if (!all.empty()) sum(*ranks_, all);
  return all;
}

Tensor Pass::gradient(const Var& loss, const Var& target, bool retain) const {
  require<TapeError>(state_->tape != nullptr, "gradients: this pass records nothing");
  return state_->tape->gradients(loss, seed_of(loss, ranks_), std::vector<Var>{target}, retain)[0];
}

Draw Pass::draw() const {
  require<Error>(state_->random != nullptr, "pass: it has no random stream to draw from");
  return state_->random->next();
}

Tensor Pass::step() const {
  if (!state_->random) return {};
  Random copy = *state_->random;  // whose draw leaves the stream where it is
  return copy.next().step;
}

Pass Pass::with(Statistics statistics) const {
  Pass pass = *this;
  pass.statistics_ = statistics;
  return pass;
}

Pass Pass::shared_by(Communicator* ranks, bool local_batch_norm) const {
  Pass pass = *this;
  pass.ranks_ = ranks && ranks->size() > 1 ? ranks : nullptr;
  pass.local_batch_norm_ = local_batch_norm;
  return pass;
}

Pass Pass::named(const std::string& prefix) const {
  Pass pass = *this;
  pass.prefix_ = prefix_ + prefix;
  return pass;
}

Var Pass::report(const std::string& name, Var value) const {
  show(name, value);
  return value;
}

void Pass::show(const std::string& name, const Var& value) const {
  if (state_->observer) state_->observer(full(name), value);
}

}  // namespace gradus
