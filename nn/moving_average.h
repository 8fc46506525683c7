#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nn/module.h"
#include "tensor/backend.h"

namespace gradus {

/// Averages of a module's parameters over a run: average = decay * average + (1 - decay) *
/// parameter at each update. They start as the parameters are at construction, so construct it
/// after initialize or load. The constructor throws Error unless 0 <= decay < 1; the module must
/// outlive this.
class ExponentialMovingAverage {
 public:
  ExponentialMovingAverage(Module& module, double decay);
  /// The averages are the parameters of `average`, a module of the same parts that must outlive
  /// this, too; they become what `module`'s are. Throws Error as above, and where the names are
  /// others, ShapeError, TypeError or DeviceError as Tensor::copy_from.
  ExponentialMovingAverage(Module& module, double decay, Module& average);
  /// To be called after each step of the optimiser. This and swap throw Error where the module's
  /// parameters are not those that it was made with.
  void update();
  /// The same by a decay of at most (1 + taken) / (10 + taken), so that the averages of a run's
  /// first steps forget its start. `taken` is the number of steps before this one, from 0 on.
  void update(int64_t taken);
  /// Exchanges averages and parameters: the module then computes with the averages, until the
  /// next swap.
  void swap();

  /// What Module::load takes: the averages under the parameters' names, and the module's buffers;
  /// the tensors themselves, not copies.
  void save(std::map<std::string, Tensor>& tensors, const std::string& prefix) const;
  /// The averages alone. Throws DataError as load_tensor does.
  void load(const std::map<std::string, Tensor>& tensors, const std::string& prefix);

 private:
  void update(const EmaUpdate& update);
  void require_same_parameters();
  EmaUpdate update_;
  Module& module_;
  std::vector<const void*> addresses_;  ///< of the parameters
  std::vector<std::string> names_;
  std::vector<UpdateSlot> slots_;  // the average as value, the parameter as grad
};

}  // namespace gradus
