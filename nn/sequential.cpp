#include "nn/sequential.h"

namespace gradus {

Sequential::Sequential(Parent parent, std::string name, std::initializer_list<Step> steps)
    : Layer(parent, std::move(name)) {
  for (const Step& step : steps) add(step);
}

Sequential& Sequential::add(Step step) {
  if (step.layer_) {
    step.layer_->name_ = std::to_string(steps_.size());
    adopt(step.layer_->name_, *step.layer_);
  }
  steps_.push_back(std::move(step));
  return *this;
}

Var Sequential::forward(const Pass& pass, const Var& x) const {
  Var y = x;
  for (const Step& step : steps_) y = step.call_(pass, y);
  return y;
}

}  // namespace gradus
