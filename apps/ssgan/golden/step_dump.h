#pragma once

#include <map>
#include <string>
#include <vector>

#include "apps/ssgan/model/trainer.h"
#include "tensor/safetensors.h"

namespace gradus::ssgan {

/// Collects what `ssgan step` and `replay` write: one step's data, state before it, activations and
/// gradients, the losses of each step f64 [K], the parameters after the last. docs/formats.md lists
/// the names.
class StepDump {
 public:
  /// For the step whose insides are wanted, which the trainer takes next; valid as long as this
  /// object.
  Trainer::Trace trace(Trainer& trainer);
  void add(const Metrics& metrics);
  /// All of it, on the CPU; the last call.
  TensorFile finish(Trainer& trainer);

 private:
  TensorFile file_;
  std::map<std::string, std::vector<double>> losses_;
};

}  // namespace gradus::ssgan
