#include "autograd/reduce.h"

#include <algorithm>
#include <vector>

#include "autograd/checks.h"
#include "autograd/compare.h"
#include "autograd/elementwise.h"
#include "autograd/permute.h"
#include "autograd/result.h"
#include "tensor/backend.h"

namespace gradus {
namespace {

struct Shapes {
  Shape kept;     // reduced axes have extent 1
  Shape dropped;  // reduced axes are gone
};

Shapes reduced_shapes(const char* operation, const Var& of, const Axes& axes) {
  require_float(operation, of);
  const Shape& x = of.shape();
  operation = Composite::name(operation);
  std::vector<char> reduce(x.rank(), static_cast<char>(axes.empty()));
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
  require<ShapeError>(op == Reduction::sum || x.shape().count() > 0 || kept.count() == 0,
                      "{}: nothing to reduce in {}", Composite::name(operation), x.shape());
  Tensor y = result(operation, kept, x);
  backend(y).reduce(op, x.value(), y);
  return y;
}

Tensor softmax(const char* operation, Softmax kind, const Var& x, const Shape& rows) {
  require_float(operation, x);
  require<ShapeError>(x.shape().count() > 0 || rows.count() == 0, "{}: nothing to reduce in {}",
                      operation, x.shape());
  Tensor y = result(operation, x.shape(), x);
  backend(y).softmax(kind, rows, x.value(), y);
  return y;
}

/// dy, with the reduced axes back at extent 1.
Var kept_view(const Tensor& dy, const Shape& kept) { return dy.reshape(kept); }

/// dy / n, with the reduced axes back as they were in `shape`.
Tensor shared_out(const Tensor& dy, const Shape& kept, double n, const Shape& shape) {
  Tensor dx(shape, dy.dtype(), dy.device());
  backend(dx).binary(Div{}, dy.reshape(kept), Tensor::full({}, n, dy.dtype(), dy.device()), dx);
  return dx;
}

/// Along the last axis, where top_k works: the largest of x, or of -x.
Tensor arg_extremum(const char* operation, bool smallest, const Var& x, int axis) {
  const Composite name(operation);
  require_float(operation, x);
  const Shape& shape = x.shape();
  require<ShapeError>(shape.rank() >= 1, "{}: no last axis in {}", operation, shape);
  axis = normalize_axis(operation, axis, shape.rank());
  require<ShapeError>(shape[axis] > 0, "{}: axis {} of {} is empty", operation, axis, shape);
  std::vector<int> to_last;
  std::vector<int64_t> rest;
  for (int i = 0; i < shape.rank(); ++i)
    if (i != axis) {
      to_last.push_back(i);
      rest.push_back(shape[i]);
    }
  to_last.push_back(axis);
  const Var rows = axis == shape.rank() - 1 ? x.detach() : permute(x.detach(), to_last);
  return top_k(smallest ? -rows : rows, 1).index.reshape(Shape(rest));
}

}  // namespace

Var sum(const Var& x, const Axes& axes, bool keep_axes) {
  const auto [kept, dropped] = reduced_shapes("sum", x, axes);
  const Tensor y = reduce("sum", Reduction::sum, x, kept);
  return Tape::record("sum", {x}, y.reshape(keep_axes ? kept : dropped),
                      [kept = kept, shape = x.shape()](const Tensor& dy, GradSink& grads) {
                        grads.add(0, shared_out(dy, kept, 1, shape));
                      });
}

Var mean(const Var& x, const Axes& axes, bool keep_axes) {
  const auto [kept, dropped] = reduced_shapes("mean", x, axes);
  const Tensor y = reduce("mean", Reduction::mean, x, kept);
  return Tape::record("mean", {x}, y.reshape(keep_axes ? kept : dropped),
                      [kept = kept, shape = x.shape()](const Tensor& dy, GradSink& grads) {
                        const double n = static_cast<double>(shape.count()) /
                                         static_cast<double>(std::max<int64_t>(kept.count(), 1));
                        grads.add(0, shared_out(dy, kept, n, shape));
                      });
}

Var var(const Var& x, const Axes& axes, bool keep_axes, int ddof) {
  const Composite name("var");
  const Shape kept = reduced_shapes("var", x, axes).kept;
  const int64_t n = kept.count() ? x.shape().count() / kept.count() : 0;
  require<ShapeError>(n > ddof && ddof >= 0, "var: {} elements for ddof {} in {}", n, ddof,
                      x.shape());
  const Var centred = x - mean(x, axes, true);
  return sum(centred * centred, axes, keep_axes) / static_cast<double>(n - ddof);
}

Var max(const Var& x, const Axes& axes, bool keep_axes) {
  const auto [kept, dropped] = reduced_shapes("max", x, axes);
  const Tensor y = reduce("max", Reduction::max, x, kept);
  return Tape::record("max", {x}, y.reshape(keep_axes ? kept : dropped),
                      [kept = kept, x = Saved("x", x.value()), y = Saved("the output", y)](
                          const Tensor& dy, GradSink& grads) {
                        const Var largest = equal(grads.read(x), grads.read(y));
                        const Var share =
                            kept_view(dy, kept) / Var(reduce("max", Reduction::sum, largest, kept));
                        grads.add(0, largest * share);
                      });
}

Var logsumexp(const Var& x, const Axes& axes, bool keep_axes) {
  const auto [kept, dropped] = reduced_shapes("logsumexp", x, axes);
  const Tensor y = reduce("logsumexp", Reduction::logsumexp, x, kept);
  return Tape::record("logsumexp", {x}, y.reshape(keep_axes ? kept : dropped),
                      [kept = kept, x = Saved("x", x.value())](const Tensor& dy, GradSink& grads) {
                        const Var share =
                            softmax("logsumexp", Softmax::derivative, grads.read(x), kept);
                        grads.add(0, share * kept_view(dy, kept));
                      });
}

Var softmax(const Var& x, int axis) {
  require_float("softmax", x);
  axis = normalize_axis("softmax", axis, x.shape().rank());
  const Tensor y = softmax("softmax", Softmax::probabilities, x, x.shape().with(axis, 1));
  return Tape::record("softmax", {x}, y,
                      [axis, y = Saved("the output", y)](const Tensor& dy, GradSink& grads) {
                        const Var p = grads.read(y);
                        grads.add(0, p * (Var(dy) - sum(Var(dy) * p, {axis}, true)));
                      });
}

Var log_softmax(const Var& x, int axis) {
  require_float("log_softmax", x);
  axis = normalize_axis("log_softmax", axis, x.shape().rank());
  const Tensor y = softmax("log_softmax", Softmax::logarithms, x, x.shape().with(axis, 1));
  return Tape::record(
      "log_softmax", {x}, y, [axis, y = Saved("the output", y)](const Tensor& dy, GradSink& grads) {
        grads.add(0, Var(dy) - exp(Var(grads.read(y))) * sum(Var(dy), {axis}, true));
      });
}

TopK top_k(const Var& x, int64_t k) {
  require_float("top_k", x);
  require<ShapeError>(x.shape().rank() >= 1, "top_k: no last axis in {}", x.shape());
  require<ShapeError>(k >= 1 && k <= x.shape()[-1], "top_k: k must lie in [1, {}] for {}, got {}",
                      x.shape()[-1], x.shape(), k);
  const Shape shape = x.shape().with(x.shape().rank() - 1, k);
  TopK top{result("top_k", shape, x), result("top_k", shape, DType::i32, x.device())};
  backend(top.values).top_k(x.value(), top.values, top.index);
  return top;
}

Tensor argmax(const Var& x, int axis) { return arg_extremum("argmax", false, x, axis); }
Tensor argmin(const Var& x, int axis) { return arg_extremum("argmin", true, x, axis); }

}  // namespace gradus
