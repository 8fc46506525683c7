#pragma once

#include "tensor/cpu/vector.h"
#include "tensor/elementwise.h"

namespace gradus::cpu {

/// The activations that cost a kernel nothing where it stores its results, Identity, Relu and
/// LeakyRelu: slope * x, or 0, where x <= 0, else x.
class Rectifier {
 public:
  static bool is(const Activation& a) {
    return is_identity(a) || std::holds_alternative<Relu>(a) ||
           std::holds_alternative<LeakyRelu>(a);
  }
  Rectifier() = default;
  /// Identity where the activation is none of the three.
  explicit Rectifier(const Activation& a) : zeroes_(std::holds_alternative<Relu>(a)) {
    if (const auto* leaky = std::get_if<LeakyRelu>(&a)) slope_ = static_cast<float>(leaky->slope);
  }

  bool changes_nothing() const { return !zeroes_ && slope_ == 1; }
  Vector operator()(Vector x) const { return x <= 0 ? (zeroes_ ? Vector{} : slope_ * x) : x; }
  float operator()(float x) const { return x <= 0 ? (zeroes_ ? 0 : slope_ * x) : x; }

 private:
  bool zeroes_ = false;
  float slope_ = 1;
};

}  // namespace gradus::cpu
