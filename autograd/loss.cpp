#include "autograd/loss.h"

#include "autograd/checks.h"
#include "autograd/elementwise.h"
#include "autograd/reduce.h"

namespace gradus {
namespace {

Var difference(const char* operation, const Var& prediction, const Var& target) {
  require_alike(operation, prediction, target);
  require<ShapeError>(prediction.shape() == target.shape(),
                      "{}: the prediction {} and the target {} differ in shape", operation,
                      prediction.shape(), target.shape());
  return prediction - target;
}

Var in_total(const Var& losses, Total total) {
  return total == Total::mean ? mean(losses) : sum(losses);
}

}  // namespace

Var l1_loss(const Var& prediction, const Var& target, Total total) {
  const Composite name("l1_loss");
  return in_total(abs(difference("l1_loss", prediction, target)), total);
}

Var mse_loss(const Var& prediction, const Var& target, Total total) {
  const Composite name("mse_loss");
  const Var d = difference("mse_loss", prediction, target);
  return in_total(d * d, total);
}

Var huber_loss(const Var& prediction, const Var& target, double delta, Total total) {
  const Composite name("huber_loss");
  require<Error>(delta > 0, "huber_loss: delta must be positive, got {}", delta);
  return in_total(unary(Huber{delta}, difference("huber_loss", prediction, target)), total);
}

}  // namespace gradus
