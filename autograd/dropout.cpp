#include "autograd/dropout.h"

#include "autograd/checks.h"
#include "autograd/result.h"
#include "tensor/backend.h"

namespace gradus {

// The rule draws the same numbers again, which is cheaper than keeping a mask.
Var dropout(const Var& x, double rate, const Draw& draw) {
  require_float("dropout", x);
  require<Error>(rate >= 0 && rate < 1, "dropout: the rate must lie in [0, 1), got {}", rate);
  require_on("dropout", draw, x.device());
  if (rate == 0) return x;
  Tensor y = result("dropout", x.shape(), x);
  backend(y).dropout(draw, rate, x.value(), y);
  const Saved step("the draw's step", draw.step);
  return Tape::record("dropout", {x}, y, [draw, step, rate](const Tensor& dy, GradSink& grads) {
    Tensor dx = dy.like();
    backend(dy).dropout({draw.seed, draw.stream, draw.index, grads.read(step)}, rate, dy, dx);
    grads.add(0, dx);
  });
}

}  // namespace gradus
