#pragma once

#include <optional>

#include "autograd/loss.h"
#include "autograd/tape.h"

// Logits are f32 or f64, labels on their device. All throw Error where one is undefined, TypeError,
// DeviceError or ShapeError where they do not fit together. Labels that are no indices are
// probabilities, unchecked, of the logits' dtype.

namespace gradus {

struct CrossEntropyOptions {
  std::optional<int32_t> ignore_index = {};  ///< rows with this label count for nothing
  Total total = Total::mean;                 ///< the mean is over the rows that count
};

/// - log_softmax(logits)[..., label], summed or averaged: logits [..., C], labels i32 [...] -> [].
/// Throws ShapeError for a label outside [0, C) that is not to be ignored, which a recording on a
/// CUDA device does not see, and for a mean of no rows; a mean is NaN where all rows are ignored.
Var cross_entropy(const Var& logits, const Tensor& labels, const CrossEntropyOptions& options = {});

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
