#include "autograd/dropout.h"

#include "autograd/checks.h"
#include "autograd/fusion.h"
#include "autograd/result.h"
#include "tensor/backend.h"

namespace gradus {

namespace {

/// Of a value that waits for a reader.
class Dropped final : public Lazy {
 public:
  Dropped(const Var& x, double rate, const Draw& draw)
      : Lazy(x.shape(), x.dtype(), x.device()),
        x_(x),
        rate_(rate),
        draw_(draw),
        step_("the draw's step", draw.step) {}

 private:
  Tensor compute() override {
    const Tensor& x = x_.saved().read("dropout", "value");
    static_cast<void>(step_.read("dropout", "value"));
    Tensor y = result("dropout", shape(), x);
    backend(y).dropout(draw_, rate_, x, y);
    return y;
  }

  LateOperand x_;
  double rate_;
  Draw draw_;
  Saved step_;
};

Var dropped(const Var& x, double rate, const Draw& draw) {
  if (is_late(x)) return Var(std::make_shared<Dropped>(x, rate, draw));
  Tensor y = result("dropout", x.shape(), x);
  backend(y).dropout(draw, rate, x.value(), y);
  return y;
}

}  // namespace

// The rule draws the same numbers again, which is cheaper than keeping a mask.
Var dropout(const Var& x, double rate, const Draw& draw) {
  require_float("dropout", x);
  require<Error>(rate >= 0 && rate < 1, "dropout: the rate must lie in [0, 1), got {}", rate);
  require_on("dropout", draw, x.device());
  if (rate == 0) return x;
  const Var y = dropped(x, rate, draw);
  const Saved step("the draw's step", draw.step);
  return Tape::record("dropout", {x}, y, [draw, step, rate](const Tensor& dy, GradSink& grads) {
    static_cast<void>(grads.read(step));
    Tensor dx = dy.like();
    backend(dy).dropout(draw, rate, dy, dx);
    grads.add(0, dx);
  });
}

}  // namespace gradus
