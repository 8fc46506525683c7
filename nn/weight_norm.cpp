#include "nn/weight_norm.h"

#include "autograd/checks.h"
#include "autograd/ops.h"

namespace gradus {

Var weight_norm(const Var& v, const Var& g, const Shape& filters) {
  const Composite name("weight_norm");
  require_alike("weight_norm", v, g);
  require<ShapeError>(v.shape().count() == filters.count() && filters.rank() == 3 &&
                          g.shape().count() == filters[0] * filters[2],
                      "weight_norm: v {} and g {} do not fit filters {}", v.shape(), g.shape(),
                      filters);
  const Var rows = reshape(v, filters);
  const Var norm = sqrt(sum(rows * rows, {1}, true));
  return reshape(rows / norm * reshape(g, filters.with(1, 1)), v.shape());
}

Var start_from_data(const Var& y, Tensor g, Tensor bias) {
  constexpr double kEpsilon = 1e-10;  // of the variance: that of a dead channel is 0
  const Var one = Tensor::full(g.shape(), 1, y.dtype(), y.device());
  const auto [standard, mean, variance] = batch_norm(y.detach(), one, one - one, kEpsilon);
  const Var deviation = sqrt(Var(variance) + kEpsilon);
  g.copy_from((Var(g) / deviation).value());
  bias.copy_from(((Var(bias) - mean) / deviation).value());
  return standard;
}

}  // namespace gradus
