#include "autograd/outputs.h"

#include "autograd/checks.h"
#include "autograd/shaping.h"

namespace gradus {
namespace {

/// Parts of a flat [N] by their shapes, in order.
std::vector<Var> parted(const Var& flat, const std::vector<Shape>& shapes) {
  std::vector<int64_t> counts;
  for (const Shape& shape : shapes) counts.push_back(shape.count());
  std::vector<Var> parts = split(flat, counts, 0);
  for (size_t i = 0; i < parts.size(); ++i) parts[i] = reshape(parts[i], shapes[i]);
  return parts;
}

}  // namespace

std::vector<Var> record_outputs(const char* operation, const std::vector<Var>& inputs,
                                const std::vector<Tensor>& values, OutputsRule backward) {
  require<Error>(!values.empty(), "{}: it has no results", operation);
  std::vector<Var> flat;
  std::vector<Shape> shapes;
  for (const Tensor& value : values) {
    require_alike(operation, values[0], value);
    shapes.push_back(value.shape());
    flat.push_back(value.reshape({value.count()}));
  }
  const Var all =
      Tape::record(operation, inputs, concat(flat, 0).value(),
                   [shapes, rule = std::move(backward)](const Tensor& dy, GradSink& grads) {
                     std::vector<Tensor> dys;
                     for (const Var& part : parted(dy, shapes)) dys.push_back(part.value());
                     rule(dys, grads);
                   });
  return parted(all, shapes);
}

}  // namespace gradus
