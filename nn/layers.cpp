#include "nn/layers.h"

#include "autograd/ops.h"
#include "tensor/backend.h"

namespace gradus {
namespace {

ConvOptions geometry(const Conv2dOptions& o) {
  return {o.stride, o.stride, o.padding, o.dilation, o.dilation, o.groups};
}

/// Values that one output reads of `channels` in, or one input reaches of `channels` out.
int64_t fan(const Conv2dOptions& o, int64_t channels) {
  return channels / o.groups * o.kernel * o.kernel;
}

/// w [first, kernel, kernel, second / groups].
Shape filters(const char* layer, const Conv2dOptions& o, int64_t first, int64_t second) {
  require<ShapeError>(o.groups > 0 && o.in % o.groups == 0 && o.out % o.groups == 0,
                      "{}: {} groups do not divide {} channels in and {} out", layer, o.groups,
                      o.in, o.out);
  return {first, o.kernel, o.kernel, second / o.groups};
}

/// running = momentum * running + (1 - momentum) * batch, in place.
void move_towards(Tensor& running, const Tensor& batch, double momentum) {
  running.copy_from((momentum * Var(running) + (1 - momentum) * Var(batch)).value());
}

}  // namespace

Linear::Linear(Module& parent, std::string name, const Options& o)
    : Layer(parent, std::move(name)),
      weight_(*this, "weight", {o.out, o.in}, o.initializer, o.in, o.out),
      bias_(*this, "bias", {o.out}, constant(0)) {}

Var Linear::operator()(const Pass& pass, const Var& x) {
  return pass.report(name(), matmul(x, pass.use(weight_), {.b = true}) + pass.use(bias_));
}

Conv2d::Conv2d(Module& parent, std::string name, const Conv2dOptions& o)
    : Layer(parent, std::move(name)),
      geometry_(geometry(o)),
      weight_(*this, "weight", filters("Conv2d", o, o.out, o.in), o.initializer, fan(o, o.in),
              fan(o, o.out)),
      bias_(*this, "bias", {o.out}, constant(0)) {}

Var Conv2d::operator()(const Pass& pass, const Var& x) {
  return pass.report(name(), conv2d(x, pass.use(weight_), pass.use(bias_), geometry_));
}

ConvTranspose2d::ConvTranspose2d(Module& parent, std::string name, const Conv2dOptions& o)
    : Layer(parent, std::move(name)),
      geometry_(geometry(o)),
      weight_(*this, "weight", filters("ConvTranspose2d", o, o.in, o.out), o.initializer,
              fan(o, o.in), fan(o, o.out)),
      bias_(*this, "bias", {o.out}, constant(0)) {}

Var ConvTranspose2d::operator()(const Pass& pass, const Var& x) {
  return pass.report(name(), conv_transpose2d(x, pass.use(weight_), pass.use(bias_), geometry_));
}

BatchNorm::BatchNorm(Module& parent, std::string name, const Options& o)
    : Layer(parent, std::move(name)),
      epsilon_(o.epsilon),
      momentum_(o.momentum),
      weight_(*this, "weight", {o.channels}, constant(1)),
      bias_(*this, "bias", {o.channels}, constant(0)),
      running_mean_(*this, "running_mean", {o.channels}, 0),
      running_variance_(*this, "running_variance", {o.channels}, 1) {}

Var BatchNorm::operator()(const Pass& pass, const Var& x) {
  const Var gamma = pass.use(weight_), beta = pass.use(bias_);
  if (pass.statistics() == Statistics::running)
    return pass.report(name(), batch_norm_with(running_mean_.value(), running_variance_.value(), x,
                                               gamma, beta, epsilon_));
  const auto [y, mean, variance] = batch_norm(x, gamma, beta, epsilon_);
  if (pass.statistics() == Statistics::batch_and_update) {
    move_towards(running_mean_.value(), mean, momentum_);
    move_towards(running_variance_.value(), variance, momentum_);
  }
  return pass.report(name(), y);
}

Var dropout(const Pass& pass, const Var& x, double rate) {
  if (!pass.is_training() || rate == 0) return x;
  return gradus::dropout(x, rate, pass.draw());
}

Var Sequential::operator()(const Pass& pass, const Var& x) {
  Var y = x;
  for (const auto& step : steps_) y = step(pass, y);
  return y;
}

}  // namespace gradus
