#pragma once

#include <concepts>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "nn/layers.h"

namespace gradus {

/// Layers and functions, one after the other.
class Sequential final : public Layer {
 public:
  /// One of them: a layer that is no module's part yet, or a function of a Var.
  class Step {
   public:
    template <std::derived_from<Layer> L>
    Step(L layer)  // NOLINT: a list of steps is a list of layers
        : Step(std::make_shared<L>(std::move(layer))) {}
    Step(Var (*function)(const Var&))  // NOLINT: this one takes overloaded names
        : call_([function](const Pass&, const Var& x) { return function(x); }) {}
    template <std::invocable<const Var&> Fn>
    Step(Fn function)  // NOLINT
        : call_([f = std::move(function)](const Pass&, const Var& x) { return f(x); }) {}

   private:
    friend class Sequential;
    explicit Step(const std::shared_ptr<Layer>& layer)
        : layer_(layer),
          call_([layer](const Pass& pass, const Var& x) { return (*layer)(pass, x); }) {}
    std::shared_ptr<Layer> layer_;  ///< null for a function
    std::function<Var(const Pass&, const Var&)> call_;
  };

  /// A root of f32 on the CPU until it is moved: Sequential model{Linear{2, 64}, relu, Linear{64,
  /// 3}}.
  Sequential(std::initializer_list<Step> steps) : Sequential(Parent(), "", steps) {}
  /// A part of `parent`, whose dtype and device its layers take.
  Sequential(Parent parent, std::string name, std::initializer_list<Step> steps = {});

  /// Adds a step; a layer is named by its index, "0", "1", ...
  Sequential& add(Step step);
  /// Adds a layer made by L(*this, name, args...).
  template <class L, class... Args>
  Sequential& add(std::string name, Args&&... args) {
    steps_.push_back(Step(std::shared_ptr<Layer>(
        std::make_shared<L>(*this, std::move(name), std::forward<Args>(args)...))));
    return *this;
  }

 protected:
  Var forward(const Pass& pass, const Var& x) const override;

 private:
  std::vector<Step> steps_;
};

}  // namespace gradus
