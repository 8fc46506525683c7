#pragma once

#include <map>
#include <string>
#include <vector>

#include "nn/module.h"
#include "tensor/backend.h"

namespace gradus {

/// Adam over a fixed list of parameters, m and v starting at 0. AdamParams says which epsilon:
/// TensorFlow's or the paper's.
class Adam {
 public:
  Adam(Module& module, const AdamParams& params);
  /// One update by gradients in the order of the parameters; lr f64 [] on their device.
  void step(const std::vector<Tensor>& gradients, const Tensor& lr);

  /// m and v of each parameter and the count of steps t, as `prefix` + "m.conv1.weight".
  void save(std::map<std::string, Tensor>& tensors, const std::string& prefix) const;
  void load(const std::map<std::string, Tensor>& tensors, const std::string& prefix);

 private:
  AdamParams params_;
  Tensor t_;  // i32 []
  std::vector<std::string> names_;
  std::vector<AdamSlot> slots_;
};

/// value -= lr * velocity, velocity = momentum * velocity + gradient.
class Sgd {
 public:
  Sgd(Module& module, double momentum = 0);
  void step(const std::vector<Tensor>& gradients, const Tensor& lr);

 private:
  double momentum_;
  std::vector<SgdSlot> slots_;
};

}  // namespace gradus
