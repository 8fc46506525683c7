#include "autograd/norm.h"

#include "autograd/checks.h"
#include "autograd/elementwise.h"
#include "autograd/fusion.h"
#include "autograd/over_ranks.h"
#include "autograd/reduce.h"
#include "autograd/result.h"
#include "autograd/shaping.h"
#include "tensor/backend.h"

namespace gradus {
namespace {

void check(const Var& x, const Var& gamma, const Var& beta, bool may_be_empty = false) {
  require_alike("batch_norm", x, gamma);
  require_alike("batch_norm", x, beta);
  require<ShapeError>(x.shape().rank() >= 2 && (may_be_empty || x.shape().count() > 0),
                      "batch_norm: x must be [..., C] and not empty, got {}", x.shape());
  const Shape channels{x.shape()[-1]};
  require<ShapeError>(gamma.shape() == channels && beta.shape() == channels,
                      "batch_norm: gamma and beta must be {} for x {}, got {} and {}", channels,
                      x.shape(), gamma.shape(), beta.shape());
}

int64_t rows_of(const Tensor& x, const Tensor& mean) { return x.count() / mean.count(); }

/// The moments [C] of all ranks' x [..., C], each of its own first; returns how many rows all have
/// [1] (Chan, Golub & LeVeque 1979: how moments of parts make those of the whole).
Tensor moments_over(Communicator& ranks, const Tensor& x, Tensor& mean, Tensor& variance) {
  const int64_t rows = rows_of(x, mean), channels = mean.count();
  if (rows > 0) backend(mean).moments(x, mean, variance);
  const auto part = [&](const Tensor& of_own) {
    return rows > 0 ? of_own.to(DType::f64) : Tensor::zeros({channels}, DType::f64, x.device());
  };
  const Var count = Tensor::full({1}, static_cast<double>(rows), DType::f64, x.device());
  const Var all = ranks.gather(concat({part(mean), part(variance), count}, 0).value());
  const std::vector<Var> of = split(all, {channels, channels, 1}, 1);
  const Var total = sum(of[2], {0});
  const Var whole = sum(of[0] * of[2], {0}) / total, off = of[0] - whole;
  mean = whole.value().to(x.dtype());
  variance = (sum((of[1] + off * off) * of[2], {0}) / total).value().to(x.dtype());
  return total.value();
}

/// What a rank's dx, which normalize_backward gave for its own rows alone, lacks for it to be that
/// of the whole batch: own sums of d and of d * x_hat are in dbeta and dgamma.
Tensor lack_of_others(Communicator& ranks, const Tensor& total, const Normalization& n,
                      const Tensor& x, const Tensor& dgamma, const Tensor& dbeta) {
  const Tensor own = stack({dgamma, dbeta}).value().to(DType::f64);
  Tensor all = own.clone();
  ranks.sum(all);
  const double rows = static_cast<double>(std::max<int64_t>(rows_of(x, n.mean), 1));
  const Var scale = Var(n.gamma) / sqrt(Var(n.variance) + n.epsilon);
  const Tensor missing = (Var(own) / rows - Var(all) / Var(total)).value().to(x.dtype());
  const std::vector<Var> of = split(Var(missing), {1, 1}, 0);
  Tensor lack = x.like();
  backend(lack).normalize({n.mean, n.variance, (reshape(of[0], scale.shape()) * scale).value(),
                           (reshape(of[1], scale.shape()) * scale).value(), n.epsilon},
                          Identity{}, x, lack);
  return lack;
}

/// The statistics of a batch, computed when somebody reads them.
struct Moments {
  LateOperand x;
  Shape channels;
  Communicator* ranks;  ///< null where this process has the whole batch
  Saved mean = {}, variance = {};
  Tensor total = {};  ///< of all ranks' rows
  bool are_computed = false;

  void compute() {
    if (are_computed) return;
    const Tensor& in = x.saved().read("batch_norm", "value");
    Tensor m = result("batch_norm", channels, in), v = result("batch_norm", channels, in);
    if (ranks)
      total = moments_over(*ranks, in, m, v);
    else
      backend(m).moments(in, m, v);
    mean = Saved("its mean", m);
    variance = Saved("its variance", v);
    are_computed = true;
  }
};

/// One of them.
class Moment final : public Lazy {
 public:
  Moment(std::shared_ptr<Moments> of, Saved Moments::*which, const Var& x)
      : Lazy(of->channels, x.dtype(), x.device()), of_(std::move(of)), which_(which) {}

 private:
  Tensor compute() override {
    of_->compute();
    return ((*of_).*which_).read("batch_norm", "value");
  }

  std::shared_ptr<Moments> of_;
  Saved Moments::*which_;
};

/// `ranks` is null where this process has the whole batch.
BatchNormResult batch_norm(const Var& x, const Var& gamma, const Var& beta, double epsilon,
                           Communicator* ranks) {
  check(x, gamma, beta, ranks != nullptr);
  const auto moments = std::make_shared<Moments>(Moments{LateOperand(x), gamma.shape(), ranks});
  if (ranks) moments->compute();  // by all of them at the same time
  const std::vector<Saved> in = {{"gamma", gamma.value()}, {"beta", beta.value()}};
  const Var y = record_fused(
      "batch_norm", {x, gamma, beta}, in, x.shape(),
      [epsilon, moments](auto in, const Activation& activation, Tensor& y) {
        const auto read = [](const Saved& s) { return s.read("batch_norm", "value"); };
        moments->compute();
        backend(y).normalize({read(moments->mean), read(moments->variance), in[0], in[1], epsilon},
                             activation, read(moments->x.saved()), y);
      },
      [epsilon, moments, gamma = in[0]](const Gradient& g, GradSink& grads) {
        if (!grads.wants(0) && !grads.wants(1)) return grads.add(2, g.applied());
        moments->compute();
        const Tensor& m = grads.read(moments->mean);
        const Tensor& x = grads.read(moments->x.saved());
        // Only dx depends on gamma.
        const Normalization n{
            m, grads.read(moments->variance), grads.wants(0) ? grads.read(gamma) : m, {}, epsilon};
        Tensor dx = reused(g.dy), dgamma = m.like(), dbeta = m.like();
        if (g.dy.count() > 0) {
          backend(dx).normalize_backward(n, g.activation, x, g.y, g.dy, dx, dgamma, dbeta);
        } else {
          dgamma = dbeta = Tensor::zeros(m.shape(), m.dtype(), m.device());
        }
        grads.add(0, dx);
        if (moments->ranks && grads.wants(0))
          grads.add(0, lack_of_others(*moments->ranks, moments->total, n, x, dgamma, dbeta));
        grads.add(1, dgamma);
        grads.add(2, dbeta);
      });
  const auto moment = [&](Saved Moments::*which) {
    return Var(std::make_shared<Moment>(moments, which, x));
  };
  return {y, moment(&Moments::mean), moment(&Moments::variance)};
}

}  // namespace

BatchNormResult batch_norm(const Var& x, const Var& gamma, const Var& beta, double epsilon) {
  return batch_norm(x, gamma, beta, epsilon, nullptr);
}

BatchNormResult batch_norm_over_ranks(const Var& x, const Var& gamma, const Var& beta,
                                      double epsilon, Communicator& ranks) {
  return batch_norm(x, gamma, beta, epsilon, &ranks);
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
