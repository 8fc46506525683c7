#include "autograd/norm.h"

#include "autograd/checks.h"
#include "autograd/elementwise.h"
#include "autograd/reduce.h"
#include "autograd/shaping.h"
#include "tensor/backend.h"

namespace gradus {
namespace {

void check(const Var& x, const Var& gamma, const Var& beta) {
  require_alike("batch_norm", x, gamma);
  require_alike("batch_norm", x, beta);
  require<ShapeError>(x.shape().rank() >= 2 && x.shape().count() > 0,
                      "batch_norm: x must be [..., C] and not empty, got {}", x.shape());
  const Shape channels{x.shape()[-1]};
  require<ShapeError>(gamma.shape() == channels && beta.shape() == channels,
                      "batch_norm: gamma and beta must be {} for x {}, got {} and {}", channels,
                      x.shape(), gamma.shape(), beta.shape());
}

}  // namespace

BatchNormResult batch_norm(const Var& x, const Var& gamma, const Var& beta, double epsilon) {
  check(x, gamma, beta);
  Normalization n{gamma.value().like(), gamma.value().like(), gamma.value(), beta.value(), epsilon};
  backend(n.mean).moments(x.value(), n.mean, n.variance);
  const Pending y("batch_norm", {x.value(), gamma.value(), beta.value()}, x.shape(),
                  [n](auto in, const Activation& activation, Tensor& y) {
                    backend(y).normalize(n, activation, in[0], y);
                  });
  const Var out = Tape::record(
      "batch_norm", {x, gamma, beta}, y, [n, x = x.value()](const Gradient& g, GradSink& grads) {
        Tensor dx = g.reused(), dgamma = n.gamma.like(), dbeta = n.gamma.like();
        backend(dx).normalize_backward(n, g.activation, x, g.y, g.dy, dx, dgamma, dbeta);
        grads.add(0, dx);
        grads.add(1, dgamma);
        grads.add(2, dbeta);
      });
  return {out, n.mean, n.variance};
}

Var batch_norm_with(const Tensor& mean, const Tensor& variance, const Var& x, const Var& gamma,
                    const Var& beta, double epsilon) {
  check(x, gamma, beta);
  require<ShapeError>(mean.shape() == gamma.shape() && variance.shape() == gamma.shape(),
                      "batch_norm: the statistics must be {} for x {}, got {} and {}",
                      gamma.shape(), x.shape(), mean.shape(), variance.shape());
  return (x - mean) * (gamma / sqrt(Var(variance) + epsilon)) + beta;
}

Var layer_norm(const Var& x, const Var& gamma, const Var& beta, double epsilon) {
  require_alike("layer_norm", x, gamma);
  require_alike("layer_norm", x, beta);
  const auto axes = x.shape().extents();
  const size_t normalised = gamma.shape().rank();
  require<ShapeError>(normalised > 0 && normalised <= axes.size() &&
                          gamma.shape() == Shape(axes.last(normalised)) &&
                          gamma.shape().count() > 0,
                      "layer_norm: gamma must have the shape of x's last axes, not empty; x is {}, "
                      "gamma {}",
                      x.shape(), gamma.shape());
  require<ShapeError>(beta.shape() == gamma.shape(), "layer_norm: gamma is {}, beta {}",
                      gamma.shape(), beta.shape());
  const int64_t width = gamma.shape().count();
  const Var rows = reshape(x, {x.shape().count() / width, width});
  const Var centred = rows - mean(rows, {1}, true);
  const Var deviation = sqrt(mean(centred * centred, {1}, true) + epsilon);
  return reshape(centred / deviation, x.shape()) * gamma + beta;
}

}  // namespace gradus
