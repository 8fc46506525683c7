#include "autograd/cross_entropy.h"

#include "autograd/checks.h"
#include "autograd/elementwise.h"
#include "autograd/reduce.h"
#include "autograd/shaping.h"

namespace gradus {

Var softmax_cross_entropy(const Var& logits, const Tensor& labels) {
  require_alike("softmax_cross_entropy", logits, labels);
  require_rank("softmax_cross_entropy", "logits", logits.shape(), 2, "[N, C]");
  require<ShapeError>(labels.shape() == logits.shape(),
                      "softmax_cross_entropy: labels {} do not match logits {}", labels.shape(),
                      logits.shape());
  const Var log_p = log_softmax(logits.detach());
  const Var loss = -sum(log_p * labels, {1});
  return Tape::record("softmax_cross_entropy", {logits}, loss.value(),
                      [log_p = log_p.value(), labels](const Tensor& dy, GradSink& grads) {
                        const Var rows = dy.reshape({dy.count(), 1});
                        grads.add(0, (exp(log_p) - labels) * rows);
                      });
}

Var sigmoid_cross_entropy(const Var& logits, const Tensor& labels) {
  require_alike("sigmoid_cross_entropy", logits, labels);
  require<ShapeError>(
      broadcast_shape("sigmoid_cross_entropy", logits.shape(), labels.shape()) == logits.shape(),
      "sigmoid_cross_entropy: labels {} do not match logits {}", labels.shape(), logits.shape());
  return softplus(-logits) + (1 - Var(labels)) * logits;
}

}  // namespace gradus
