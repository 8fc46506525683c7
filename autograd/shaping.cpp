#include "autograd/shaping.h"

#include "autograd/checks.h"
#include "autograd/fusion.h"
#include "autograd/result.h"
#include "tensor/backend.h"

namespace gradus {
namespace {

void require_index(const char* operation, const Tensor& index) {
  require_defined(operation, index);
  require<TypeError>(index.dtype() == DType::i32, "{}: the index must be i32, got {}", operation,
                     name(index.dtype()));
  require_rank(operation, "the index", index.shape(), 1, "[N]");
}

void require_joins(const char* operation, const Var& first, const Var& part) {
  require_defined(operation, part);
  require<TypeError>(part.dtype() == first.dtype(), "{}: parts are {} and {}", operation,
                     name(first.dtype()), name(part.dtype()));
  require<DeviceError>(part.device() == first.device(), "{}: parts are on {} and {}", operation,
                       to_string(first.device()), to_string(part.device()));
}

}  // namespace

Var reshape(const Var& x, const Shape& shape) {
  require_defined("reshape", x);
  return Tape::record(
      "reshape", {x}, x.value().reshape(shape),
      [from = x.shape()](const Tensor& dy, GradSink& grads) { grads.add(0, dy.reshape(from)); });
}

Var reshape(const Var& x, std::initializer_list<int64_t> extents) {
  require_defined("reshape", x);
  return reshape(x, filled_shape("reshape", extents, x.shape()));
}

Var slice(const Var& x, int axis, int64_t begin, int64_t end) {
  require_defined("slice", x);
  axis = normalize_axis("slice", axis, x.shape().rank());
  require<ShapeError>(begin >= 0 && begin <= end && end <= x.shape()[axis],
                      "slice: [{}, {}) is not within axis {} of {}", begin, end, axis, x.shape());
  Tensor y = result("slice", x.shape().with(axis, end - begin), x);
  backend(y).copy_slice(x.value(), axis, begin, 0, end - begin, y);
  return Tape::record("slice", {x}, y,
                      [axis, begin, end, shape = x.shape()](const Tensor& dy, GradSink& grads) {
                        Tensor dx = Tensor::zeros(shape, dy.dtype(), dy.device());
                        backend(dy).copy_slice(dy, axis, 0, begin, end - begin, dx);
                        grads.add(0, dx);
                      });
}

Var concat(const std::vector<Var>& parts, int axis) {
  require<ShapeError>(!parts.empty(), "concat: nothing to join");
  const Shape& first = parts[0].shape();
  axis = normalize_axis("concat", axis, first.rank());
  int64_t total = 0;
  for (const Var& part : parts) {
    require_joins("concat", parts[0], part);
    require<ShapeError>(
        part.shape().rank() == first.rank() && part.shape().with(axis, 0) == first.with(axis, 0),
        "concat: {} and {} do not join along axis {}", first, part.shape(), axis);
    total += part.shape()[axis];
  }
  Tensor y = result("concat", first.with(axis, total), parts[0]);
  read_values(parts);
  std::vector<int64_t> begins;
  int64_t at = 0;
  for (const Var& part : parts) {
    backend(y).copy_slice(part.value(), axis, 0, at, part.shape()[axis], y);
    begins.push_back(at);
    at += part.shape()[axis];
  }
  begins.push_back(at);
  return Tape::record("concat", parts, y, [axis, begins](const Tensor& dy, GradSink& grads) {
    for (size_t i = 0; i + 1 < begins.size(); ++i)
      if (grads.wants(static_cast<int>(i)))
        grads.add(static_cast<int>(i), slice(dy, axis, begins[i], begins[i + 1]));
  });
}

Var stack(const std::vector<Var>& parts, int axis) {
  const Composite name("stack");
  require<ShapeError>(!parts.empty(), "stack: nothing to join");
  require_defined("stack", parts[0]);
  const Shape& first = parts[0].shape();
  axis = normalize_axis("stack", axis, first.rank() + 1);
  std::vector<int64_t> extents(first.extents().begin(), first.extents().end());
  extents.insert(extents.begin() + axis, 1);
  read_values(parts);
  std::vector<Var> slices;
  for (const Var& part : parts) {
    require_joins("stack", parts[0], part);
    require<ShapeError>(part.shape() == first, "stack: {} and {} differ", first, part.shape());
    slices.push_back(reshape(part, Shape(extents)));
  }
  return concat(slices, axis);
}

std::vector<Var> split(const Var& x, const std::vector<int64_t>& extents, int axis) {
  const Composite name("split");
  require_defined("split", x);
  axis = normalize_axis("split", axis, x.shape().rank());
  int64_t total = 0;
  for (const int64_t extent : extents) {
    require<ShapeError>(extent >= 0, "split: extent {} is negative", extent);
    total += extent;
  }
  require<ShapeError>(total == x.shape()[axis],
                      "split: extents of {} in all do not fill axis {} of {}", total, axis,
                      x.shape());
  std::vector<Var> parts;
  int64_t at = 0;
  for (const int64_t extent : extents) {
    parts.push_back(slice(x, axis, at, at + extent));
    at += extent;
  }
  return parts;
}

Var pad(const Var& x, const std::vector<AxisPadding>& axes, double value) {
  const Composite name("pad");
  require_defined("pad", x);
  require<ShapeError>(int(axes.size()) == x.shape().rank(), "pad: {} paddings for the axes of {}",
                      axes.size(), x.shape());
  Var y = x;
  for (int i = 0; i < x.shape().rank(); ++i) {
    const auto& [before, after] = axes[i];
    require<ShapeError>(before >= 0 && after >= 0,
                        "pad: axis {} of {} cannot get {} before and {} after", i, x.shape(),
                        before, after);
    if (before == 0 && after == 0) continue;
    const auto border = [&](int64_t extent) {
      return Tensor::full(y.shape().with(i, extent), value, x.dtype(), x.device());
    };
    y = concat({border(before), y, border(after)}, i);
  }
  return y;
}

Var gather(const Var& x, const Tensor& index) {
  require_defined("gather", x);
  require<ShapeError>(x.shape().rank() >= 1, "gather: x must have rows, got {}", x.shape());
  require_index("gather", index);
  require<DeviceError>(index.device() == x.device(), "gather: x is on {}, the index on {}",
                       to_string(x.device()), to_string(index.device()));
  require_in_range("gather", "index", index, x.shape()[0]);
  Tensor y = result("gather", x.shape().with(0, index.count()), x);
  backend(y).gather(x.value(), index, 1, 0, y);
  return Tape::record(
      "gather", {x}, y,
      [index = Saved("index", index), shape = x.shape()](const Tensor& dy, GradSink& grads) {
        Tensor dx = Tensor::zeros(shape, dy.dtype(), dy.device());
        backend(dy).gather_backward(grads.read(index), dy, dx);
        grads.add(0, dx);
      });
}

Tensor one_hot(const Tensor& index, int64_t depth, DType dtype, OutOfRange out_of_range) {
  require<ShapeError>(depth > 0, "one_hot: the depth must be positive, got {}", depth);
  require<TypeError>(is_float(dtype), "one_hot: needs f32 or f64, got {}", name(dtype));
  require_index("one_hot", index);
  if (out_of_range == OutOfRange::error) require_in_range("one_hot", "index", index, depth);
  Tensor y = result("one_hot", {index.count(), depth}, dtype, index.device());
  backend(y).one_hot(index, y);
  return y;
}

}  // namespace gradus
