#pragma once

#include "autograd/tape.h"

namespace gradus {

/// - sum_c labels[n, c] * log_softmax(logits)[n, c] for each row: logits, labels [N, C] -> [N].
/// The gradient towards the logits is softmax - labels, as TensorFlow has it: the derivative where
/// a row of labels sums to 1, and a definition where it does not. None flows to the labels.
Var softmax_cross_entropy(const Var& logits, const Tensor& labels);

/// - labels * log(sigmoid(logits)) - (1 - labels) * log(1 - sigmoid(logits)), element by element,
/// computed as softplus(-logits) + (1 - labels) * logits. `labels` broadcasts to the logits' shape.
Var sigmoid_cross_entropy(const Var& logits, const Tensor& labels);

}  // namespace gradus
