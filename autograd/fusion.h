#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <vector>

#include "autograd/tape.h"
#include "tensor/elementwise.h"

// Fusion: a kernel that ends with the activation which reads its output. Convolutions and batch
// norm are recorded here with a value that is computed when somebody reads it. An activation of it
// is computed when it is read, too: by the operation's own kernel, and the value before it never
// exists, unless it is read or has several activations. Backwards, an activation that alone has
// read the value leaves its derivative to the operation's kernel. Values and gradients are the same
// with and without (on the CPU to the bit), and so is the caller's code.

namespace gradus {

/// While it lives, nothing that this thread records is fused: each operation runs where it is
/// called.
class Unfused {
 public:
  Unfused();
  ~Unfused();
  Unfused(const Unfused&) = delete;
  Unfused& operator=(const Unfused&) = delete;
};

/// The gradient of the output of an operation that may be fused: dy * df(y), where y is the output
/// of the activation that has read it and has left its derivative to the operation's rule.
struct Gradient {
  const Tensor& dy;
  Activation activation = {};
  Tensor y = {};  ///< undefined where the activation is Identity

  /// dy * df(y).
  Tensor applied() const;
};

/// For a kernel's output that may take dy's place: dy itself where nobody else holds it.
inline Tensor reused(const Tensor& dy) { return dy.unique() ? dy : dy.like(); }

/// Whether x is one of these values, or an activation of one, and waits for a reader.
bool is_late(const Var& x);

/// The operand "x" of a value that is computed when somebody reads it: where x waits for a reader
/// itself, it is computed no sooner.
class LateOperand {
 public:
  explicit LateOperand(const Var& x);
  /// x as it was in the call or, where it was late, when it was computed.
  const Saved& saved();

 private:
  Var x_;  ///< undefined where it is saved
  Saved saved_;
};

/// Computes y from the operands, with the activation applied to it.
using FusedKernel =
    std::function<void(std::span<const Tensor> operands, const Activation& activation, Tensor& y)>;
using FusedRule = std::function<void(const Gradient& dy, GradSink& grads)>;

/// Tape::record for an operation whose kernel can end with an activation. The value has `shape` and
/// the first input's dtype and device. Reading it throws TapeError where an operand has been
/// overwritten since.
Var record_fused(const char* operation, std::initializer_list<Var> inputs,
                 std::vector<Saved> operands, const Shape& shape, FusedKernel kernel,
                 FusedRule backward);

/// fn(x), which is `activation`, by the kernel of the operation that has made x, where that can be.
Var activate(const char* operation, const Activation& activation, const UnaryFn& fn, const Var& x);

/// Reads the values of one operation's operands in an order in which no kernel runs twice: in
/// sigmoid(h) * h that of h, then that of its sigmoid.
void read_values(std::span<const Var> operands);

}  // namespace gradus
