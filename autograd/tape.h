#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "autograd/lazy.h"
#include "autograd/saved.h"
#include "tensor/tensor.h"

namespace gradus {

class Tape;

/// A tensor, and its node on a tape. Without a tape it is a constant: operations on constants
/// record nothing. A Var and its copies are for one thread at a time, even to read.
class [[nodiscard]] Var {
 public:
  Var() = default;
  Var(Tensor value) : value_(std::move(value)) {}  // NOLINT: a tensor is a constant
  explicit Var(std::shared_ptr<Lazy> value) : lazy_(std::move(value)) {}

  /// Computes it where it is lazy and nobody has read it; throws what that throws.
  const Tensor& value() const& { return lazy_ ? lazy_->value() : value_; }
  Tensor value() && { return std::as_const(*this).value(); }
  /// What computes the value; null where it has been there from the start.
  const std::shared_ptr<Lazy>& lazy() const { return lazy_; }
  [[nodiscard]] bool defined() const { return lazy_ || value_.defined(); }
  /// These throw Error where it is undefined.
  const Shape& shape() const& { return lazy_ ? lazy_->shape() : value_.shape(); }
  Shape shape() && { return std::as_const(*this).shape(); }
  DType dtype() const { return lazy_ ? lazy_->dtype() : value_.dtype(); }
  Device device() const { return lazy_ ? lazy_->device() : value_.device(); }
  [[nodiscard]] bool tracked() const { return tape_ != nullptr; }
  /// The value as a constant: no gradient flows through it.
  Var detach() const;

 private:
  friend class Tape;
  Tensor value_;
  std::shared_ptr<Lazy> lazy_;  ///< instead of value_
  std::shared_ptr<Tape> tape_;
  int id_ = -1;
};

/// The value's, for people; computes it where it is lazy.
[[nodiscard]] inline std::string to_string(const Var& x) {
  return x.defined() ? to_string(x.value()) : to_string(Tensor());
}
template <>
inline constexpr bool kPrinted<Var> = true;

/// What a backward rule sees of the gradients: which inputs want one, and where to put it. Inputs
/// are counted from 0, as `record` got them; one that the operation has not is a TapeError.
class GradSink {
 public:
  /// Whether the loss's gradient towards the input is needed; rules skip the work where it is not.
  [[nodiscard]] bool wants(int input) const;
  /// Adds to the input's gradient. `grad` may have a shape that the input broadcasts to: the copies
  /// are summed here. Throws Error, TypeError, DeviceError or ShapeError where it is undefined or
  /// does not fit the input.
  void add(int input, const Var& grad);
  /// What the operation saved. Throws TapeError where it has been overwritten since.
  const Tensor& read(const Saved& saved) const;
  /// Whether the input's gradient is this operation's alone: no other operation adds to it, and no
  /// caller asked for it.
  [[nodiscard]] bool alone(int input) const;
  /// A number that this call of `gradients` has and no other of the tape.
  [[nodiscard]] int64_t call() const;

 private:
  friend class Tape;
  struct Call;
  GradSink(Call& call, int node) : call_(call), node_(node) {}
  int id_of(int input) const;
  Call& call_;
  int node_;
};

/// From the gradient of an operation's output to those of its inputs. A rule captures what it needs
/// as Saved and reads it through `grads`, only where it needs it. It never captures a Var, which
/// owns its tape: that would be a cycle.
using BackwardRule = std::function<void(const Tensor& dy, GradSink& grads)>;

/// The operations of one forward pass in the order they ran, which is a topological order. First
/// derivatives only: rules work on constants and are not recorded themselves.
class Tape : public std::enable_shared_from_this<Tape> {
 public:
  [[nodiscard]] static std::shared_ptr<Tape> make() { return std::shared_ptr<Tape>(new Tape); }

  /// Puts a leaf on the tape: something that gradients can be taken towards. Throws TypeError
  /// unless it is f32 or f64, Error where it is undefined.
  Var watch(Tensor value);

  /// Appends an operation to its inputs' tape; a constant where no input is tracked. `value` counts
  /// as a constant. Throws TapeError where the inputs are on two tapes, Error where the value is
  /// undefined.
  static Var record(const char* operation, std::initializer_list<Var> inputs, const Var& value,
                    BackwardRule backward);
  static Var record(const char* operation, std::span<const Var> inputs, const Var& value,
                    BackwardRule backward);

  /// d loss / d target for each target, of its shape, in bytes of its own; zeros where the loss
  /// does not depend on it. Only the operations between targets and loss run. What their rules have
  /// saved is freed, unless `retain`; a second call that needs it then throws TapeError, as does a
  /// loss or target of another tape, and a rule that reads what has been overwritten. Throws
  /// ShapeError unless `loss` has one element.
  [[nodiscard]] std::vector<Tensor> gradients(const Var& loss, std::span<const Var> targets,
                                              bool retain = false);
  /// The same of an output of any shape from its own gradient, of its shape, dtype and device: the
  /// vector-Jacobian product, d sum(output * seed) / d target.
  [[nodiscard]] std::vector<Tensor> gradients(const Var& output, const Tensor& seed,
                                              std::span<const Var> targets, bool retain = false);

  /// The number of nodes, which are leaves and operations.
  int size() const { return static_cast<int>(nodes_.size()); }

  /// What ran, for reports: `inputs` are nodes of this tape, -1 for a constant; a leaf has none.
  struct Operation {
    const char* name;
    std::vector<int> inputs;
    Shape shape;        ///< of the result
    std::string scope;  ///< in which it was recorded (Scope::path)
  };
  /// Throws TapeError for a node outside [0, size()).
  const Operation& operation(int node) const;
  /// The node of `v`. Throws TapeError where it is not on this tape.
  int node_of(const Var& v) const;

 private:
  friend class GradSink;
  struct Node : Operation {
    DType dtype;
    Device device;
    BackwardRule backward;
  };
  Tape() = default;
  Node& append(const char* name, std::vector<int> inputs, const Var& value);

  std::vector<Node> nodes_;
  int64_t calls_ = 0;
};

}  // namespace gradus
