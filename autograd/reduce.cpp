#include "autograd/reduce.h"

#include <vector>

#include "autograd/checks.h"
#include "autograd/elementwise.h"
#include "autograd/result.h"
#include "tensor/backend.h"

namespace gradus {
namespace {

struct Shapes {
  Shape kept;     // reduced axes have extent 1
  Shape dropped;  // reduced axes are gone
};

Shapes reduced_shapes(const char* operation, const Shape& x, Axes axes) {
  std::vector<char> reduce(x.rank(), axes.size() == 0);
  for (const int axis : axes) {
    const int i = normalize_axis(operation, axis, x.rank());
    require<ShapeError>(!reduce[i], "{}: axis {} is named twice", operation, i);
    reduce[i] = true;
  }
  Shape kept = x;
  std::vector<int64_t> dropped;
  for (int i = 0; i < x.rank(); ++i)
    if (reduce[i])
      kept = kept.with(i, 1);
    else
      dropped.push_back(x[i]);
  return {kept, Shape(dropped)};
}

Tensor reduce(const char* operation, Reduction op, const Var& x, const Shape& kept) {
  require_float(operation, x);
  require<ShapeError>(op == Reduction::sum || x.shape().count() > 0 || kept.count() == 0,
                      "{}: nothing to reduce in {}", operation, x.shape());
  Tensor y = result(operation, kept, x);
  backend(y).reduce(op, x.value(), y);
  return y;
}

/// dy, with the reduced axes back at extent 1.
Var kept_view(const Tensor& dy, const Shape& kept) { return dy.reshape(kept); }

}  // namespace

Var sum(const Var& x, Axes axes, bool keep_axes) {
  const auto [kept, dropped] = reduced_shapes("sum", x.shape(), axes);
  const Tensor y = reduce("sum", Reduction::sum, x, kept);
  return Tape::record("sum", {x}, y.reshape(keep_axes ? kept : dropped),
                      [kept = kept, shape = x.shape()](const Tensor& dy, GradSink& grads) {
                        const Tensor zeros = Tensor::zeros(shape, dy.dtype(), dy.device());
                        grads.add(0, kept_view(dy, kept) + zeros);
                      });
}

Var mean(const Var& x, Axes axes, bool keep_axes) {
  const auto [kept, dropped] = reduced_shapes("mean", x.shape(), axes);
  if (kept.count() == 0) return sum(x, axes, keep_axes);
  require<ShapeError>(x.shape().count() > 0, "mean: nothing to reduce in {}", x.shape());
  const double n = static_cast<double>(x.shape().count() / kept.count());
  return sum(x, axes, keep_axes) / n;
}

Var max(const Var& x, Axes axes, bool keep_axes) {
  const auto [kept, dropped] = reduced_shapes("max", x.shape(), axes);
  const Tensor y = reduce("max", Reduction::max, x, kept);
  return Tape::record("max", {x}, y.reshape(keep_axes ? kept : dropped),
                      [kept = kept, x = x.value(), y](const Tensor& dy, GradSink& grads) {
                        const Var largest = equal(x, y);
                        const Var share =
                            kept_view(dy, kept) / Var(reduce("max", Reduction::sum, largest, kept));
                        grads.add(0, largest * share);
                      });
}

Var logsumexp(const Var& x, Axes axes, bool keep_axes) {
  const auto [kept, dropped] = reduced_shapes("logsumexp", x.shape(), axes);
  const Tensor y = reduce("logsumexp", Reduction::logsumexp, x, kept);
  return Tape::record("logsumexp", {x}, y.reshape(keep_axes ? kept : dropped),
                      [kept = kept, x = x.value(), y](const Tensor& dy, GradSink& grads) {
                        grads.add(0, exp(Var(x) - y) * kept_view(dy, kept));
                      });
}

Var softmax(const Var& x, int axis) {
  return exp(log_softmax(x, normalize_axis("softmax", axis, x.shape().rank())));
}

Var log_softmax(const Var& x, int axis) {
  axis = normalize_axis("log_softmax", axis, x.shape().rank());
  return x - logsumexp(x, {axis}, true);
}

TopK top_k(const Tensor& x, int64_t k) {
  require_float("top_k", x);
  require<ShapeError>(x.shape().rank() >= 1, "top_k: no last axis in {}", x.shape());
  require<ShapeError>(k >= 1 && k <= x.shape()[-1], "top_k: k must lie in [1, {}] for {}, got {}",
                      x.shape()[-1], x.shape(), k);
  const Shape shape = x.shape().with(x.shape().rank() - 1, k);
  TopK top{result("top_k", shape, x), result("top_k", shape, DType::i32, x.device())};
  backend(x).top_k(x, top.values, top.index);
  return top;
}

Tensor argmax(const Tensor& x) {
  require_float("argmax", x);
  require<ShapeError>(x.shape().rank() >= 1 && x.shape()[-1] > 0, "argmax: no last axis in {}",
                      x.shape());
  const Shape rows(x.shape().extents().first(x.shape().rank() - 1));
  return top_k(x, 1).index.reshape(rows);
}

}  // namespace gradus
