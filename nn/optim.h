#pragma once

#include <functional>
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
  /// Gives the parameters that `chooses` returns true for ("conv1.bias", [16]) an update of their
  /// own, of the same kind and with the same moments, at `lr_factor` times a step's learning rate:
  /// no decay of biases and norms, say. Throws Error where it chooses none or the update is of
  /// another kind.
  void group(const std::function<bool(const std::string& name, const Shape& shape)>& chooses,
             const UpdateFn& update, double lr_factor = 1);
  /// One update by gradients in the order of Module::parameters, of their shapes, dtypes and
  /// device; lr f64 [] on that device. Throws ShapeError, TypeError or DeviceError where a number,
  /// shape, dtype or device is another, Error where the module's parameters are not those that it
  /// was made with; before anything is changed.
  void step(const std::vector<Tensor>& gradients, const Tensor& lr);
  /// The same with a number, which a recording keeps.
  void step(const std::vector<Tensor>& gradients, double lr) {
    step(gradients, Tensor::full({}, lr, DType::f64, t_.device()));
  }

  /// The moments in use of each parameter and the count of steps t, i32 [], as `prefix` +
  /// "m.conv1.weight", "v.conv1.weight" and "t": the tensors themselves, not copies.
  void save(std::map<std::string, Tensor>& tensors, const std::string& prefix) const;
  /// Copies them back. Throws DataError as load_tensor does.
  void load(const std::map<std::string, Tensor>& tensors, const std::string& prefix);

 private:
  Module& module_;
  std::vector<const void*> addresses_;  ///< of the parameters
  struct Group {
    UpdateFn update;
    double lr_factor;
  };
  std::vector<Group> groups_;
  Tensor t_;  // i32 []
  std::vector<std::string> names_;
  std::vector<UpdateSlot> slots_;
  std::vector<size_t> group_of_;  ///< of each slot
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
