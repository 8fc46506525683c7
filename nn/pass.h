#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "autograd/tape.h"
#include "tensor/random.h"

namespace gradus {

class Communicator;
class Parameter;

/// Which statistics batch norm normalises by.
enum class Statistics {
  batch,             ///< the batch's own
  batch_and_update,  ///< the batch's own, which also move the running ones
  running,           ///< the running ones
};

/// What one forward pass needs to know, and other libraries keep in globals: the tape (none: no
/// gradients), whether dropout is active, batch norm's statistics, the random stream, with whom the
/// batch is shared.
class [[nodiscard]] Pass {
 public:
  /// For training: operations are recorded on a new tape, dropout is active, batch norm uses the
  /// batch and moves the running statistics. `random` must outlive the pass.
  static Pass training(Random& random);
  /// For evaluation: nothing is recorded, dropout passes its input on.
  static Pass evaluation(Statistics statistics);
  /// For the first batch: layers that start from data (WeightNorm) set their parameters by what
  /// reaches them. Nothing is recorded, dropout passes its input on, batch norm uses the batch.
  static Pass initialization();

  /// The parameter as a leaf of this pass's tape, the same one at each use; a constant where there
  /// is no tape.
  Var use(const Parameter& p) const;
  /// Makes use(p) return `value`, which may be on any tape: a parameter as a function's argument.
  void bind(const Parameter& p, Var value) const { state_->uses[&p] = std::move(value); }
  /// d loss / d parameter for each, of its shape. See Tape::gradients. Throws TapeError in a pass
  /// without a tape, and where a parameter is bound to a value that is not on it.
  [[nodiscard]] std::vector<Tensor> gradients(const Var& loss,
                                              const std::vector<Parameter*>& parameters,
                                              bool retain = false) const;
  /// The same towards a value of the pass; where the pass is shared, this rank's part of it.
  [[nodiscard]] Tensor gradient(const Var& loss, const Var& target, bool retain = false) const;

  /// Null in a pass that records nothing.
  const std::shared_ptr<Tape>& tape() const { return state_->tape; }
  bool is_training() const { return training_; }
  bool is_initialization() const { return initialization_; }
  Statistics statistics() const { return statistics_; }
  /// The next draw of the random stream; throws Error in a pass without one.
  Draw draw() const;

  /// The random stream's step, i32 [] on its device; undefined without a stream or a step.
  Tensor step() const;

  /// This pass (same tape, same stream) with other statistics.
  Pass with(Statistics statistics) const;
  /// This pass, shared by these ranks: each has a part of every batch, and together they compute
  /// what one process would of the whole. Batch norm's statistics, `sum` and `mean` of nn/layers.h
  /// are those of all parts, dropout and `augment` draw what the whole would, and gradients are
  /// summed over ranks, so that all have the same. `local_batch_norm`: batch norm has the
  /// statistics of each part. Null: not shared. The ranks must outlive the pass.
  Pass shared_by(Communicator* ranks, bool local_batch_norm = false) const;
  /// Null where the pass is not shared.
  Communicator* ranks() const { return ranks_; }
  bool has_local_batch_norm() const { return local_batch_norm_; }
  /// This pass with `prefix` before the names that it reports.
  Pass named(const std::string& prefix) const;

  /// `name` behind this pass's prefixes: "real.conv2".
  std::string full(const std::string& name) const { return prefix_ + name; }

  /// Reports what `report` returns unchanged: activations by name, for dumps and studies.
  using Observer = std::function<void(const std::string& name, const Var& value)>;
  void observe(Observer observer) const { state_->observer = std::move(observer); }
  Var report(const std::string& name, Var value) const;
  /// The same of a value that is shown and not used.
  void show(const std::string& name, const Var& value) const;

 private:
  struct State {
    std::shared_ptr<Tape> tape;
    Random* random = nullptr;
    std::unordered_map<const Parameter*, Var> uses;
    Observer observer;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
  bool training_ = false, initialization_ = false;
  Statistics statistics_ = Statistics::batch;
  std::string prefix_;
  Communicator* ranks_ = nullptr;
  bool local_batch_norm_ = false;
};

}  // namespace gradus
