#include "nn/pass.h"

#include "nn/module.h"

namespace gradus {

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
  return state_->tape->gradients(loss, targets, retain);
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
