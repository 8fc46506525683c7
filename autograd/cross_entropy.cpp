#include "autograd/cross_entropy.h"

#include "autograd/checks.h"
#include "autograd/compare.h"
#include "autograd/elementwise.h"
#include "autograd/reduce.h"
#include "autograd/result.h"
#include "autograd/shaping.h"
#include "tensor/backend.h"

namespace gradus {

Var cross_entropy(const Var& logits, const Tensor& labels, const CrossEntropyOptions& options) {
  constexpr const char* kName = "cross_entropy";
  const Composite composite(kName);
  require_float(kName, logits);
  require_defined(kName, labels);
  require<TypeError>(labels.dtype() == DType::i32, "cross_entropy: labels must be i32, got {}",
                     name(labels.dtype()));
  require<DeviceError>(labels.device() == logits.device(),
                       "cross_entropy: logits are on {}, labels on {}", to_string(logits.device()),
                       to_string(labels.device()));
  const Shape& shape = logits.shape();
  require<ShapeError>(shape.rank() >= 1 && shape[-1] > 0 &&
                          labels.shape() == Shape(shape.extents().first(shape.rank() - 1)),
                      "cross_entropy: logits must be [..., C] and labels [...], got {} and {}",
                      shape, labels.shape());
  const int64_t rows = labels.count(), classes = shape[-1];
  require<ShapeError>(rows > 0 || options.total == Total::sum, "cross_entropy: no rows in {}",
                      shape);
  const Tensor label = labels.reshape({rows});
  require_in_range(kName, "label", label, classes, options.ignore_index);
  const Tensor one_hots = one_hot(label, classes, logits.dtype(), OutOfRange::zero_row);
  const Var x = reshape(logits, {rows, classes});
  if (!options.ignore_index) {
    const Var losses = softmax_cross_entropy(x, one_hots);
    return options.total == Total::mean ? mean(losses) : sum(losses);
  }
  const Tensor counts = not_equal(label, *options.ignore_index).to(logits.dtype());
  const Var counted = where(counts.reshape({rows, 1}), x, 0);
  const Var total = sum(where(counts, softmax_cross_entropy(counted, one_hots), 0));
  return options.total == Total::mean ? total / sum(counts) : total;
}

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
