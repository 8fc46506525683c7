#include "autograd/dropout.h"

#include "autograd/checks.h"
#include "autograd/result.h"
#include "tensor/backend.h"

namespace gradus {

// The rule draws the same numbers again, which is cheaper than keeping a mask.
Var dropout(const Var& x, double rate, const Draw& draw) {
  require_float("dropout", x);
  require<Error>(rate >= 0 && rate < 1, "dropout: the rate must lie in [0, 1), got {}", rate);
  if (rate == 0) return x;
  Tensor y = result("dropout", x.shape(), x);
  backend(y).dropout(draw, rate, x.value(), y);
  return Tape::record("dropout", {x}, y, [draw, rate](const Tensor& dy, GradSink& grads) {
    Tensor dx = dy.like();
    backend(dy).dropout(draw, rate, dy, dx);
    grads.add(0, dx);
  });
}

}  // namespace gradus
