#include "autograd/fusion.h"

#include <optional>

#include "autograd/result.h"
#include "tensor/backend.h"
#include "tensor/scope.h"

namespace gradus {
namespace {

thread_local int unfused = 0;

/// An activation's derivative, left to the rule of the operation before it.
struct Left {
  int64_t call = 0;  ///< of `gradients`, in which it is
  Activation activation = {};
  Tensor y = {};
};

/// A value that is known as it was computed.
class Kept : public Lazy {
 public:
  using Lazy::Lazy;
  const Saved& saved() {
    value();
    return saved_;
  }

 protected:
  Tensor keep(const char* name, Tensor y) {
    saved_ = Saved(name, y);
    return y;
  }

 private:
  Saved saved_;
};

/// The value of an operation whose kernel can end with an activation.
class Unfinished final : public Kept {
 public:
  Unfinished(const char* operation, std::vector<Saved> operands, const Shape& shape, DType dtype,
             Device device, FusedKernel kernel)
      : Kept(shape, dtype, device),
        operation_(operation),
        scope_(Scope::path()),
        operands_(std::move(operands)),
        kernel_(std::move(kernel)) {}

  /// activation(value), without the value. Only while that is not computed.
  Tensor ended(const Activation& activation) const {
    const std::vector<Tensor> in = read_operands();
    const std::string here = Scope::path(), outer = here.empty() ? here : here + ": ";
    std::optional<Scope> scope;
    if (scope_ != here)
      scope.emplace(device(), scope_.starts_with(outer) ? scope_.substr(outer.size()) : scope_);
    Tensor y = result(operation_, shape(), dtype(), device());
    kernel_(in, activation, y);
    return y;
  }
  std::vector<Tensor> read_operands() const {
    std::vector<Tensor> all;
    for (const Saved& s : operands_) all.push_back(s.read(operation_, "value"));
    return all;
  }
  const std::shared_ptr<Left>& left() const { return left_; }

  void count_activation() { ++activations_; }
  /// Whether several activations read it: then it is computed once for all of them.
  bool is_shared() const { return activations_ > 1; }

 private:
  Tensor compute() override {
    Tensor y = ended(Identity{});
    kernel_ = nullptr;
    operands_.clear();
    return keep("x", y);
  }

  const char* operation_;
  std::string scope_;  ///< in which the operation was called
  std::vector<Saved> operands_;
  FusedKernel kernel_;
  int activations_ = 0;
  std::shared_ptr<Left> left_ = std::make_shared<Left>();
};

std::shared_ptr<Unfinished> unfinished(const Var& x) {
  auto value = std::dynamic_pointer_cast<Unfinished>(x.lazy());
  return value && !value->is_computed() ? value : nullptr;
}

/// An activation of such a value.
class Ended final : public Kept {
 public:
  Ended(std::shared_ptr<Unfinished> x, const Activation& activation, const UnaryFn& fn)
      : Kept(x->shape(), x->dtype(), x->device()),
        x_(std::move(x)),
        activation_(activation),
        fn_(fn) {}

 private:
  Tensor compute() override {
    Tensor y;
    if (x_->is_computed() || x_->is_shared()) {
      y = x_->value().like();
      backend(y).unary(fn_, x_->value(), y);
    } else {
      y = x_->ended(activation_);
    }
    x_ = nullptr;
    return keep("the output", y);
  }

  std::shared_ptr<Unfinished> x_;
  Activation activation_;
  UnaryFn fn_;
};

}  // namespace

Unfused::Unfused() { ++unfused; }
Unfused::~Unfused() { --unfused; }

bool is_late(const Var& x) {
  return dynamic_cast<Kept*>(x.lazy().get()) && !x.lazy()->is_computed();
}

LateOperand::LateOperand(const Var& x) {
  if (is_late(x))
    x_ = x.detach();
  else
    saved_ = Saved("x", x.value());
}

const Saved& LateOperand::saved() {
  if (x_.defined()) saved_ = static_cast<Kept&>(*x_.lazy()).saved();
  x_ = {};
  return saved_;
}

Tensor Gradient::applied() const {
  return std::visit(
      [this](auto f) {
        if constexpr (std::is_same_v<decltype(f), Identity>) {
          return dy;
        } else {
          Tensor dx = reused(dy);
          backend(dx).unary_backward(f, {}, y, dy, dx);
          return dx;
        }
      },
      activation);
}

Var record_fused(const char* operation, std::initializer_list<Var> inputs,
                 std::vector<Saved> operands, const Shape& shape, FusedKernel kernel,
                 FusedRule backward) {
  const Var& x = *inputs.begin();
  const auto value = std::make_shared<Unfinished>(operation, std::move(operands), shape, x.dtype(),
                                                  x.device(), std::move(kernel));
  const Var y = unfused > 0 ? Var(value->value()) : Var(value);
  return Tape::record(
      operation, inputs, y,
      [left = value->left(), rule = std::move(backward)](const Tensor& dy, GradSink& grads) {
        const Left its = std::exchange(*left, {});
        if (its.call == grads.call())
          rule({dy, its.activation, its.y}, grads);
        else
          rule({dy}, grads);
      });
}

Var activate(const char* operation, const Activation& activation, const UnaryFn& fn, const Var& x) {
  const std::shared_ptr<Unfinished> before = unfinished(x);
  if (!before) {
    Tensor y = result(operation, x.shape(), x);
    backend(y).unary(fn, x.value(), y);
    return Tape::record(
        operation, {x}, y,
        [activation, y = Saved("the output", y)](const Tensor& dy, GradSink& grads) {
          grads.add(0, Gradient{dy, activation, grads.read(y)}.applied());
        });
  }
  static_cast<void>(
      before->read_operands());  // where it could not be computed any more, say so now
  before->count_activation();
  const auto y = std::make_shared<Ended>(before, activation, fn);
  return Tape::record(operation, {x}, Var(y),
                      [activation, y, left = before->left()](const Tensor& dy, GradSink& grads) {
                        const Tensor& out = grads.read(y->saved());
                        if (grads.alone(0)) {
                          *left = {grads.call(), activation, out};
                          grads.add(0, dy);
                        } else {
                          grads.add(0, Gradient{dy, activation, out}.applied());
                        }
                      });
}

void read_values(std::span<const Var> operands) {
  for (const Var& v : operands)
    if (unfinished(v)) static_cast<void>(v.value());
  for (const Var& v : operands) static_cast<void>(v.value());
}

}  // namespace gradus
