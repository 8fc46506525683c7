#include "autograd/norm.h"

#include "autograd/checks.h"
#include "autograd/elementwise.h"
#include "autograd/fusion.h"
#include "autograd/reduce.h"
#include "autograd/result.h"
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
  const Shape channels = gamma.shape();
  Tensor mean = result("batch_norm", channels, x), variance = result("batch_norm", channels, x);
  backend(mean).moments(x.value(), mean, variance);
  const std::vector<Saved> in = {{"x", x.value()},
                                 {"its mean", mean},
                                 {"its variance", variance},
                                 {"gamma", gamma.value()},
                                 {"beta", beta.value()}};
  const Var y = record_fused(
      "batch_norm", {x, gamma, beta}, in, x.shape(),
      [epsilon](auto in, const Activation& activation, Tensor& y) {
        backend(y).normalize({in[1], in[2], in[3], in[4], epsilon}, activation, in[0], y);
      },
      [epsilon, x = in[0], mean = in[1], variance = in[2], gamma = in[3]](const Gradient& g,
                                                                          GradSink& grads) {
        if (!grads.wants(0) && !grads.wants(1)) return grads.add(2, g.applied());
        const Tensor& m = grads.read(mean);
        // Only dx depends on gamma.
        const Normalization n{
            m, grads.read(variance), grads.wants(0) ? grads.read(gamma) : m, {}, epsilon};
        Tensor dx = reused(g.dy), dgamma = m.like(), dbeta = m.like();
        backend(dx).normalize_backward(n, g.activation, grads.read(x), g.y, g.dy, dx, dgamma,
                                       dbeta);
        grads.add(0, dx);
        grads.add(1, dgamma);
        grads.add(2, dbeta);
      });
  return {y, mean, variance};
}

Var batch_norm_with(const Tensor& mean, const Tensor& variance, const Var& x, const Var& gamma,
                    const Var& beta, double epsilon) {
  const Composite name("batch_norm");
  check(x, gamma, beta);
  require_alike("batch_norm", x, mean);
  require_alike("batch_norm", x, variance);
  require<ShapeError>(mean.shape() == gamma.shape() && variance.shape() == gamma.shape(),
                      "batch_norm: the statistics must be {} for x {}, got {} and {}",
                      gamma.shape(), x.shape(), mean.shape(), variance.shape());
  return (x - mean) * (gamma / sqrt(Var(variance) + epsilon)) + beta;
}

Var layer_norm(const Var& x, const Var& gamma, const Var& beta, double epsilon) {
  const Composite name("layer_norm");
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
