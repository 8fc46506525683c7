#include "nn/layers.h"

#include <cmath>

#include "autograd/ops.h"
#include "autograd/over_ranks.h"
#include "tensor/backend.h"
#include "tensor/scope.h"

namespace gradus {
namespace {

ConvOptions geometry(const Conv2dOptions& o) {
  return {o.stride, o.stride, o.padding, o.dilation, o.dilation, o.groups};
}

int64_t per_group(const Conv2dOptions& o, int64_t channels) {
  require<ShapeError>(o.groups > 0 && channels % o.groups == 0,
                      "convolution: {} groups do not divide {} channels", o.groups, channels);
  return channels / o.groups;
}

/// Values that one output reads of so many channels in, or one input reaches of them out.
int64_t fan(const Conv2dOptions& o, int64_t channels) {
  return per_group(o, channels) * o.kernel * o.kernel;
}

/// How far running statistics go towards the batch's in this step, a scalar; undefined where the
/// pass has no step.
Var rate_of(const Pass& pass, double momentum, DType dtype) {
  const Tensor step = pass.step();
  if (!step.defined() || momentum == 0 || momentum == 1) return {};
  const Var kept = exp((Var(step.to(DType::f64)) + 1) * std::log(momentum));
  return ((1 - momentum) * pow(1 - kept, -1)).value().to(dtype);
}

/// running = (1 - rate) * running + rate * batch, in place; the rate is 1 - momentum where it is
/// undefined.
void move_towards(Tensor running, const Var& batch, double momentum, const Var& rate) {
  const Var moved = rate.defined() ? (1 - rate) * Var(running) + rate * batch
                                   : momentum * Var(running) + (1 - momentum) * batch;
  running.copy_from(moved.value());
}

}  // namespace

Var Layer::operator()(const Pass& pass, const Var& x) const {
  if (name_.empty()) return forward(pass, x);
  const Scope scope(device(), pass.full(name_));
  return pass.report(name_, forward(pass, x));
}

WeightedLayer::WeightedLayer(Parent parent, std::string name, const Shape& weight,
                             const Shape& filters, const Initializer& initializer, int64_t fan_in,
                             int64_t fan_out)
    : Layer(parent, std::move(name)),
      filters_(filters),
      weight_(*this, "weight", weight, initializer, fan_in, fan_out),
      bias_(*this, "bias", {filters[0] * filters[2]}, constant(0)) {}

Linear::Linear(Parent parent, std::string name, const Options& o)
    : WeightedLayer(parent, std::move(name), {o.out, o.in}, {o.out, o.in, 1}, o.initializer, o.in,
                    o.out) {}

Var Linear::forward(const Pass& pass, const Var& x) const {
  return matmul(x, pass.use(weight()), {.b = true}) + pass.use(bias());
}

Conv2d::Conv2d(Parent parent, std::string name, const Conv2dOptions& o)
    : WeightedLayer(parent, std::move(name), {o.out, o.kernel, o.kernel, per_group(o, o.in)},
                    {o.out, fan(o, o.in), 1}, o.initializer, fan(o, o.in), fan(o, o.out)),
      geometry_(geometry(o)) {}

Var Conv2d::forward(const Pass& pass, const Var& x) const {
  return conv2d(x, pass.use(weight()), pass.use(bias()), geometry_);
}

ConvTranspose2d::ConvTranspose2d(Parent parent, std::string name, const Conv2dOptions& o)
    : WeightedLayer(parent, std::move(name), {o.in, o.kernel, o.kernel, per_group(o, o.out)},
                    {o.groups, fan(o, o.in), per_group(o, o.out)}, o.initializer, fan(o, o.in),
                    fan(o, o.out)),
      geometry_(geometry(o)) {}

Var ConvTranspose2d::forward(const Pass& pass, const Var& x) const {
  return conv_transpose2d(x, pass.use(weight()), pass.use(bias()), geometry_);
}

BatchNorm::BatchNorm(Parent parent, std::string name, const Options& o)
    : Layer(parent, std::move(name)),
      epsilon_(o.epsilon),
      momentum_(o.momentum),
      weight_(*this, "weight", {o.channels}, constant(1)),
      bias_(*this, "bias", {o.channels}, constant(0)),
      running_mean_(*this, "running_mean", {o.channels}, 0),
      running_variance_(*this, "running_variance", {o.channels}, 1) {}

Var BatchNorm::forward(const Pass& pass, const Var& x) const {
  const Var gamma = pass.use(weight_), beta = pass.use(bias_);
  if (pass.statistics() == Statistics::running)
    return batch_norm_with(running_mean_.value(), running_variance_.value(), x, gamma, beta,
                           epsilon_);
  // A rank without images has no statistics of its own.
  if (pass.ranks() && pass.has_local_batch_norm() && x.shape().count() == 0)
    return batch_norm_with(running_mean_.value(), running_variance_.value(), x, gamma, beta,
                           epsilon_);
  const auto [y, mean, variance] =
      pass.ranks() && !pass.has_local_batch_norm()
          ? batch_norm_over_ranks(x, gamma, beta, epsilon_, *pass.ranks())
          : batch_norm(x, gamma, beta, epsilon_);
  if (pass.statistics() == Statistics::batch_and_update) {
    const Var rate = rate_of(pass, momentum_, x.dtype());
    move_towards(running_mean_.value(), mean, momentum_, rate);
    move_towards(running_variance_.value(), variance, momentum_, rate);
  }
  return y;
}

LayerNorm::LayerNorm(Parent parent, std::string name, const Options& o)
    : Layer(parent, std::move(name)),
      epsilon_(o.epsilon),
      weight_(*this, "weight", o.shape, constant(1)),
      bias_(*this, "bias", o.shape, constant(0)) {}

Var LayerNorm::forward(const Pass& pass, const Var& x) const {
  return layer_norm(x, pass.use(weight_), pass.use(bias_), epsilon_);
}

}  // namespace gradus
