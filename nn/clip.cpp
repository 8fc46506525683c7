#include "nn/clip.h"

#include "autograd/composite.h"
#include "autograd/elementwise.h"
#include "autograd/reduce.h"

namespace gradus {

ClippedGradients clip_by_global_norm(const std::vector<Tensor>& gradients, double max_norm) {
  const Composite name("clip_by_global_norm");
  require<Error>(!gradients.empty(), "clip_by_global_norm: there are no gradients");
  require<Error>(max_norm > 0, "clip_by_global_norm: the norm must be positive, got {}", max_norm);
  Var squares = sum(Var(gradients[0]) * gradients[0]);
  for (size_t i = 1; i < gradients.size(); ++i)
    squares = squares + sum(Var(gradients[i]) * gradients[i]);
  const Var norm = sqrt(squares);
  // A norm that is not finite, for which the last term is NaN, shows in every gradient.
  const Var scale =
      Tensor::full({}, max_norm, norm.dtype(), norm.device()) / maximum(norm, max_norm) + norm * 0;
  ClippedGradients clipped{{}, norm.value()};
  for (const Tensor& g : gradients) clipped.gradients.push_back((g * scale).value());
  return clipped;
}

std::vector<Tensor> clip_by_value(const std::vector<Tensor>& gradients, double limit) {
  const Composite name("clip_by_value");
  require<Error>(limit > 0, "clip_by_value: the limit must be positive, got {}", limit);
  std::vector<Tensor> clipped;
  for (const Tensor& g : gradients) clipped.push_back(clamp(g, -limit, limit).value());
  return clipped;
}

}  // namespace gradus
