#pragma once

#include <utility>
#include <vector>

#include "autograd/tape.h"

// Reductions over any axes, negative ones counted from the end; none named means all. Reduced axes
// vanish, or stay with extent 1 where keep_axes says so: x [A, B, C] over axis 1 -> [A, C] or
// [A, 1, C]. Of a Tensor they give a Tensor. Throw ShapeError for an axis out of range or named
// twice, and where mean, max or logsumexp meet an empty axis; Error where x is undefined, TypeError
// unless it is f32 or f64.

namespace gradus {

using Axes = std::vector<int>;

/// In f64, over parts that depend on the shapes alone; 0 over an empty axis.
Var sum(const Var& x, const Axes& axes = {}, bool keep_axes = false);
/// The same, divided by the number of elements before it is rounded to f32.
Var mean(const Var& x, const Axes& axes = {}, bool keep_axes = false);
/// The mean of (x - mean)^2, or with ddof 1 the unbiased estimate: the sum of squares is divided by
/// n - ddof, n the elements of a reduction. Throws ShapeError unless n > ddof.
Var var(const Var& x, const Axes& axes = {}, bool keep_axes = false, int ddof = 0);
/// The largest; NaN where one is. The gradient is shared equally among the largest, as TensorFlow's
/// reduce_max does.
Var max(const Var& x, const Axes& axes = {}, bool keep_axes = false);
/// log(sum(exp(x))) = m + log(sum(exp(x - m))), m = max(x). The gradient is the softmax, and 0
/// where all are -infinity.
Var logsumexp(const Var& x, const Axes& axes = {}, bool keep_axes = false);
/// exp(x - logsumexp(x)) over one axis -> x's shape, of x of any size: computed in f64, from x less
/// the largest. Several infinite x share; NaN where all are -infinity.
Var softmax(const Var& x, int axis = -1);
/// x - logsumexp(x) over one axis -> x's shape, likewise.
Var log_softmax(const Var& x, int axis = -1);

inline Tensor sum(const Tensor& x, const Axes& axes = {}, bool keep_axes = false) {
  return sum(Var(x), axes, keep_axes).value();
}
inline Tensor mean(const Tensor& x, const Axes& axes = {}, bool keep_axes = false) {
  return mean(Var(x), axes, keep_axes).value();
}
inline Tensor var(const Tensor& x, const Axes& axes = {}, bool keep_axes = false, int ddof = 0) {
  return var(Var(x), axes, keep_axes, ddof).value();
}
inline Tensor max(const Tensor& x, const Axes& axes = {}, bool keep_axes = false) {
  return max(Var(x), axes, keep_axes).value();
}
inline Tensor logsumexp(const Tensor& x, const Axes& axes = {}, bool keep_axes = false) {
  return logsumexp(Var(x), axes, keep_axes).value();
}
inline Tensor softmax(const Tensor& x, int axis = -1) { return softmax(Var(x), axis).value(); }
inline Tensor log_softmax(const Tensor& x, int axis = -1) {
  return log_softmax(Var(x), axis).value();
}

/// Along the last axis of x [..., C]; no gradients. Of equal elements that with the lower index
/// comes first; NaN is larger than every number.
struct [[nodiscard]] TopK {
  Tensor values, index;  ///< [..., k] in falling order; index i32
};
/// The k largest; throws ShapeError unless 1 <= k <= the last extent.
TopK top_k(const Var& x, int64_t k);
/// i32 index along an axis of the largest, or smallest, which vanishes: x [..., C] -> [...]. Throws
/// ShapeError where there is no such axis or it is empty.
Tensor argmax(const Var& x, int axis = -1);
Tensor argmin(const Var& x, int axis = -1);

}  // namespace gradus
