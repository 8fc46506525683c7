#include "autograd/cross_entropy.h"

#include "autograd/checks.h"
#include "autograd/result.h"
#include "tensor/backend.h"

namespace gradus {

Var softmax_cross_entropy(const Var& logits, const Tensor& labels) {
  require_alike("softmax_cross_entropy", logits, labels);
  require_rank("softmax_cross_entropy", "logits", logits.shape(), 2, "[N, C]");
  require<ShapeError>(labels.shape() == logits.shape(),
                      "softmax_cross_entropy: labels {} do not match logits {}", labels.shape(),
                      logits.shape());
  const Shape& shape = logits.shape();
  require<ShapeError>(shape[0] == 0 || shape[1] > 0, "softmax_cross_entropy: no classes in {}",
                      shape);
  Tensor loss = result("softmax_cross_entropy", {shape[0]}, logits);
  Tensor totals = result("softmax_cross_entropy", {shape[0], 2}, DType::f64, logits.device());
  backend(loss).softmax_cross_entropy(logits.value(), labels, loss, totals);
  return Tape::record("softmax_cross_entropy", {logits}, loss,
                      [x = Saved("logits", logits.value()), labels = Saved("labels", labels),
                       totals](const Tensor& dy, GradSink& grads) {
                        Tensor dx = grads.read(x).like();
                        backend(dx).softmax_cross_entropy_backward(
                            grads.read(x), grads.read(labels), totals, dy, dx);
                        grads.add(0, dx);
                      });
}

Var sigmoid_cross_entropy(const Var& logits, const Tensor& labels) {
  require_alike("sigmoid_cross_entropy", logits, labels);
  require<ShapeError>(
      broadcast_shape("sigmoid_cross_entropy", logits.shape(), labels.shape()) == logits.shape(),
      "sigmoid_cross_entropy: labels {} do not match logits {}", labels.shape(), logits.shape());
  Tensor loss = result("sigmoid_cross_entropy", logits.shape(), logits);
  backend(loss).binary(SigmoidCrossEntropy{}, logits.value(), labels, loss);
  return Tape::record("sigmoid_cross_entropy", {logits}, loss,
                      [x = Saved("logits", logits.value()), labels = Saved("labels", labels)](
                          const Tensor& dy, GradSink& grads) {
                        Tensor dx = grads.read(x).like();
                        backend(dx).sigmoid_cross_entropy_backward(grads.read(x),
                                                                   grads.read(labels), dy, dx);
                        grads.add(0, dx);
                      });
}

}  // namespace gradus
