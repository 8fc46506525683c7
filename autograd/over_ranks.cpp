#include "autograd/over_ranks.h"

#include "autograd/checks.h"
#include "autograd/shaping.h"
#include "tensor/backend.h"

namespace gradus {

Var sum_over_ranks(const Var& x, Communicator& ranks) {
  require_float("sum_over_ranks", x);
  Tensor y = x.value().clone();
  ranks.sum(y);
  return Tape::record("sum_over_ranks", {x}, y, [&ranks](const Tensor& dy, GradSink& grads) {
    Tensor dx = dy.clone();
    ranks.sum(dx);
    grads.add(0, dx);
  });
}

Draw starting_at(const Draw& draw, int64_t block, Device device) {
  if (block == 0) return draw;
  const Tensor step = draw.step.defined() ? draw.step : Tensor::zeros({1}, DType::i32, device);
  Tensor both =
      Tensor::full({2}, static_cast<double>(static_cast<int32_t>(block)), DType::i32, device);
  backend(device).copy_slice(step.reshape({1}), 0, 0, 0, 1, both);
  return {draw.seed, draw.stream, draw.index, both};
}

Var dropout(const Var& x, double rate, const Draw& draw, int64_t before) {
  const Draw here = starting_at(draw, before / 4, x.device());
  const int64_t skipped = before % 4;  // of the part's first block
  if (skipped == 0) return dropout(x, rate, here);
  const Composite name("dropout");
  const Var line = pad(reshape(x, {x.shape().count()}), {{skipped, 0}});
  return reshape(slice(dropout(line, rate, here), 0, skipped, line.shape()[0]), x.shape());
}

}  // namespace gradus
