#pragma once

#include "autograd/tape.h"

// Logits and labels are of one dtype, f32 or f64, on one device; labels are probabilities,
// unchecked. Both throw Error where one is undefined, TypeError, DeviceError or ShapeError where
// they do not fit together.

namespace gradus {

/// - sum_c labels[n, c] * log_softmax(logits)[n, c] for each row: logits, labels [N, C] -> [N],
/// C >= 1.
/// The gradient towards the logits is softmax - labels, as TensorFlow has it: the derivative where
/// a row of labels sums to 1, and a definition where it does not. None flows to the labels.
Var softmax_cross_entropy(const Var& logits, const Tensor& labels);

/// - labels * log(sigmoid(logits)) - (1 - labels) * log(1 - sigmoid(logits)), element by element:
/// logits of any shape -> the same shape. A weight of 0 counts 0, also beside an infinite logit.
/// `labels` broadcasts to it. The gradient towards the logits is sigmoid(logits) - labels; none
/// flows to the labels.
Var sigmoid_cross_entropy(const Var& logits, const Tensor& labels);

}  // namespace gradus
