#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "autograd/pending.h"
#include "tensor/tensor.h"

namespace gradus {

class Tape;

/// A Tensor, perhaps Pending, and its place on a Tape. Without a tape it is a constant: operations
/// on constants record nothing. A Var and its copies are for one thread at a time, even to read.
class [[nodiscard]] Var {
 public:
  Var() = default;
  Var(Tensor value) : value_(std::move(value)) {}  // NOLINT: a tensor is a constant

  /// Computes it where it is still pending; throws Error where what it is computed from has been
  /// overwritten meanwhile.
  const Tensor& value() const& { return pending_ ? pending_->value() : value_; }
  Tensor value() && { return std::as_const(*this).value(); }
  /// activation(value) as a tensor of its own, by the kernel that the value is pending on.
  /// Undefined where it is not pending.
  Tensor activated(const Activation& activation) const {
    return pending_ && !pending_->is_computed() ? pending_->activated(activation) : Tensor();
  }
  bool defined() const { return pending_ || value_.defined(); }
  const Shape& shape() const& { return pending_ ? pending_->shape() : value_.shape(); }
  Shape shape() && { return std::as_const(*this).shape(); }
  DType dtype() const { return pending_ ? pending_->dtype() : value_.dtype(); }
  Device device() const { return pending_ ? pending_->device() : value_.device(); }
  bool tracked() const { return tape_ != nullptr; }
  /// The value as a constant: no gradient flows through it.
  Var detach() const;

 private:
  friend class Tape;
  explicit Var(Pending value) : pending_(std::make_shared<Pending>(std::move(value))) {}

  Tensor value_;
  std::shared_ptr<Pending> pending_;  ///< in the place of value_
  std::shared_ptr<Tape> tape_;
  int id_ = -1;
};

/// The gradient of an operation's output. A Pending one's may come as dy * df(y): y is the output
/// of an activation, which alone has read it and has left its derivative to the operation's kernel.
struct Gradient {
  Tensor dy;
  Activation activation = {};
  Tensor y = {};  ///< undefined where the activation is Identity

  /// dy * df(y).
  Tensor applied() const;
  /// For a kernel's output that may take dy's place: dy itself where nobody else holds it.
  Tensor reused() const { return dy.unique() ? dy : dy.like(); }
};

/// What a backward rule sees of the gradients: which inputs want one, and where to put it.
class GradSink {
 public:
  /// Whether the loss's gradient towards input i, counted from 0 as `record` got them, is needed;
  /// rules skip the work where it is not.
  [[nodiscard]] bool wants(int input) const;
  /// Adds to input i's gradient. `grad` may have the broadcast shape: the copies are summed here.
  void add(int input, const Var& grad);
  /// The same of an activation, which may leave its derivative to the operation that made the
  /// input.
  void add_activation(int input, const Gradient& grad);

 private:
  friend class Tape;
  GradSink(Tape& tape, int node) : tape_(tape), node_(node) {}
  Tape& tape_;
  int node_;
};

/// From the gradient of an operation's output to those of its inputs. A rule captures Tensors,
/// never Vars: a Var owns its tape, so capturing one would make a cycle.
using BackwardRule = std::function<void(const Tensor& dy, GradSink& grads)>;
/// The same of an operation whose value is Pending.
using PendingRule = std::function<void(const Gradient& dy, GradSink& grads)>;

/// The operations of one forward pass in the order they ran, which is a topological order. First
/// derivatives only: rules work on constants and are not recorded themselves.
class Tape : public std::enable_shared_from_this<Tape> {
 public:
  [[nodiscard]] static std::shared_ptr<Tape> make() { return std::shared_ptr<Tape>(new Tape); }

  /// Puts a leaf on the tape: something that gradients can be taken towards. Throws TypeError
  /// unless it is f32 or f64, Error where it is undefined.
  Var watch(Tensor value);

  /// Appends an operation to its inputs' tape; a constant where no input is tracked. Throws
  /// TapeError where the inputs are on two tapes.
  static Var record(const char* operation, std::initializer_list<Var> inputs, Tensor value,
                    BackwardRule backward);
  static Var record(const char* operation, std::span<const Var> inputs, Tensor value,
                    BackwardRule backward);
  static Var record(const char* operation, std::initializer_list<Var> inputs, Pending value,
                    PendingRule backward);

  /// d loss / d target for each target, of its shape; zeros where the loss does not depend on it.
  /// Only the operations between targets and loss run. What their rules have saved is freed, unless
  /// `retain`; a second call that needs it then throws TapeError, as does a loss or target of
  /// another tape. Throws ShapeError unless `loss` has one element.
  [[nodiscard]] std::vector<Tensor> gradients(const Var& loss, std::span<const Var> targets,
                                              bool retain = false);

  /// Places on the tape, [0, size()): leaves and operations.
  int size() const { return static_cast<int>(nodes_.size()); }

  /// What ran, for reports: `inputs` are places on this tape, -1 for a constant; a leaf has none.
  struct Operation {
    const char* name;
    std::vector<int> inputs;
    Shape shape;  ///< of the result
  };
  /// Throws TapeError for a place outside [0, size()).
  const Operation& operation(int place) const;
  /// Where `v` is on this tape. Throws TapeError where it is not.
  int place(const Var& v) const;

 private:
  friend class GradSink;
  struct Node : Operation {
    PendingRule backward;
    std::string scope;              ///< in which it was recorded
    bool takes_activation = false;  ///< the rule reads all of a Gradient
  };
  Tape() = default;
  static Var record(const char* operation, std::span<const Var> inputs, Var out,
                    PendingRule backward);

  std::vector<Node> nodes_;
  // Of one gradients() call, by node:
  std::vector<Gradient> grads_;
  std::vector<char> wanted_, is_target_;
};

}  // namespace gradus
