#pragma once

#include <map>
#include <string>
#include <vector>

#include "nn/module.h"
#include "tensor/backend.h"

namespace gradus {

/// An update rule (tensor/update.h has formulas and sources) over a module's parameters. Moments
/// start at 0. The module must outlive it.
class Optimizer {
 public:
  Optimizer(Module& module, const UpdateFn& update);
  /// One update by gradients in the order of Module::parameters, of their shapes, dtypes and
  /// device; lr f64 [] on that device. Throws ShapeError, TypeError or DeviceError where a number,
  /// shape, dtype or device is another, Error where the module's parameters are not those that it
  /// was made with; before anything is changed.
  void step(const std::vector<Tensor>& gradients, const Tensor& lr);

  /// The moments in use of each parameter and the count of steps t, i32 [], as `prefix` +
  /// "m.conv1.weight", "v.conv1.weight" and "t": the tensors themselves, not copies.
  void save(std::map<std::string, Tensor>& tensors, const std::string& prefix) const;
  /// Copies them back. Throws DataError as load_tensor does.
  void load(const std::map<std::string, Tensor>& tensors, const std::string& prefix);

 private:
  Module& module_;
  std::vector<const void*> addresses_;  ///< of the parameters
  UpdateFn update_;
  Tensor t_;  // i32 []
  std::vector<std::string> names_;
  std::vector<UpdateSlot> slots_;
};

/// Adam, and with a weight decay AdamW.
class Adam : public Optimizer {
 public:
  explicit Adam(Module& module, const AdamUpdate& update = {}) : Optimizer(module, update) {}
};

/// Stochastic gradient descent, with or without momentum.
class Sgd : public Optimizer {
 public:
  explicit Sgd(Module& module, const SgdUpdate& update = {}) : Optimizer(module, update) {}
};

/// RMSProp, with or without momentum.
class RmsProp : public Optimizer {
 public:
  explicit RmsProp(Module& module, const RmsPropUpdate& update = {}) : Optimizer(module, update) {}
};

}  // namespace gradus
