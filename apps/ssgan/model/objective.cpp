#include "apps/ssgan/model/objective.h"

#include "autograd/ops.h"
#include "autograd/over_ranks.h"

namespace gradus::ssgan {
namespace {

constexpr double kTiny = 1e-30;  // keeps a row of zeros from dividing by 0

Var changed(const Pass& pass, const Var& images, const std::string& how) {
  return how == "none" ? images : augment(pass, images, augmentation(how));
}

/// By a draw that changes other images in the same way.
Var changed(const Pass& pass, const Var& images, const std::string& how, const Draw& draw) {
  return augment(images, augmentation(how), draw, batch_rows(pass, images.shape()[0]).before);
}

/// Rows [N, ...] at length 1.
Var unit_rows(const Var& x) {
  const Var rows = reshape(x, {x.shape()[0], x.shape().with(0, 1).count()});
  return reshape(rows / sqrt(sum(rows * rows, {1}, true) + kTiny), x.shape());
}

/// Normal numbers, one for each of x's, whose rows are of a multiple of 4.
Var normal_like(const Pass& pass, const Var& x) {
  const int64_t before = batch_rows(pass, x.shape()[0]).before * x.shape().with(0, 1).count();
  const Draw draw = starting_at(pass.draw(), before / 4, x.device());
  return normal(x.shape(), draw, 0, 1, x.dtype(), x.device());
}

/// Of the probabilities that logits [N, C] stand for: [N].
Var entropies(const Var& logits) { return -sum(softmax(logits) * log_softmax(logits), {1}); }

/// Mean squared cosine between two of the features [M, F]; 0 where there is one alone.
Var pull_away(const Pass& pass, const Var& features) {
  // The squared cosines of all pairs are the squares of the rows' products, summed first.
  const Var rows = unit_rows(features), own = sum(rows * rows, {1});
  const int64_t f = features.shape()[1], m = batch_rows(pass, features.shape()[0]).total;
  const Var products = sum(pass, reshape(matmul(rows, rows, {.a = true}), {1, f, f}), {0});
  return (sum(products * products) - sum(pass, own * own)) / double(m > 1 ? m * (m - 1) : 1);
}

/// D's loss for saying otherwise about G(z) and about G next to z; `draw` changes both alike.
Var manifold_loss(const Pass& pass, const Generator& generator, const Discriminator& discriminator,
                  const Var& z, const std::string& how, const Draw& draw, const Var& logits) {
  const Var step = kManifoldStep * unit_rows(normal_like(pass, z));
  const Var near = generator(pass.named("near_generator."), z + step);
  const auto on_near =
      discriminator(pass.named("near.").with(Statistics::batch), changed(pass, near, how, draw));
  const Var difference = logits - on_near.class_logits;
  return mean(pass, sum(difference * difference, {1}));
}

void add_gan_loss(const Pass& pass, Generator& generator, Discriminator& discriminator,
                  const StepInputs& in, const Objective& o, const Discriminator::Output& on_data,
                  ModelLoss& loss) {
  loss.fake = pass.report("fake", generator(pass.named("generator."), in.z));
  const Draw draw = o.augment == "none" ? Draw{} : pass.draw();
  const auto on_samples = discriminator(pass.named("fake.").with(Statistics::batch),
                                        changed(pass, loss.fake, o.augment, draw));
  loss.d_fake = mean(pass, softplus(on_samples.gan_logits));

  const int64_t count = in.real.images.shape()[0];
  const int64_t first = o.gan_real == GanReal::unlabelled ? in.labelled : 0;
  const Var sample_moments = mean(pass, on_samples.features, {0});
  if (batch_rows(pass, count - first).total > 0) {
    loss.d_real = mean(pass, softplus(-slice(on_data.gan_logits, 0, first, count)));
    const Var data_moments = mean(pass, slice(on_data.features, 0, first, count), {0});
    loss.g = mean(abs(data_moments - sample_moments));
  } else {
    loss.d_real = 0 * loss.d_fake;
    loss.g = 0 * mean(sample_moments);
  }
  if (o.g_loss != GLoss::match) {
    const Var fool = mean(pass, softplus(-on_samples.gan_logits));
    loss.g = o.g_loss == GLoss::fool ? fool : loss.g + fool;
  }
  if (o.pull_away > 0) loss.g = loss.g + o.pull_away * pull_away(pass, on_samples.features);
  loss.d = loss.d + o.gan_weight * (loss.d_real + loss.d_fake);
  if (o.manifold > 0)
    loss.d = loss.d + o.manifold * manifold_loss(pass, generator, discriminator, in.z, o.augment,
                                                 draw, on_samples.class_logits);
}

/// `class_logits`: scores of the unlabelled stream.
void add_consistency(const Pass& pass, const Var& class_logits, const Tensor& taught,
                     const Objective& o, ModelLoss& loss) {
  const Var confident = max(taught, {1}) >= o.pseudo_label;
  loss.confident = mean(pass, confident);
  std::vector<Var> terms;
  if (o.pseudo_label > 0) {
    const Tensor pseudo_y = one_hot(argmax(taught), class_logits.shape()[1], taught.dtype());
    terms.push_back(mean(pass, confident * softmax_cross_entropy(class_logits, pseudo_y)));
  }
  if (o.mean_teacher) {
    const Var taken_for = softmax(slice(class_logits, 1, 0, taught.shape()[1]));
    const Var difference = taken_for - taught;
    terms.push_back(mean(pass, sum(difference * difference, {1})));
  }
  loss.consistency = terms.size() == 2 ? terms[0] + terms[1] : terms[0];
  loss.d = loss.d + o.consistency_weight * loss.consistency;
}

/// How far D's probabilities of each image are from those given: KL(given, D's), [N].
Var divergences(const Var& class_scores, const Tensor& given) {
  const Var p = given;
  return softmax_cross_entropy(class_scores, given) + sum(p * log(maximum(p, kTiny)), {1});
}

}  // namespace

Adversarial adversarial_of(const Pass& pass, const Discriminator& discriminator, const Var& images,
                           const std::string& how) {
  const Pass plain =
      Pass::evaluation(Statistics::batch).shared_by(pass.ranks(), pass.has_local_batch_norm());
  const Tensor x = changed(pass, images, how).value();
  const Tensor p = softmax(discriminator(plain, x).class_scores).value();
  const auto tape = Tape::make();
  const Var probe = tape->watch((kVatProbe * unit_rows(normal_like(pass, x))).value());
  const Var own = sum(divergences(discriminator(plain, x + probe).class_scores, p));
  const Var steepest = tape->gradients(own, std::vector<Var>{probe})[0];
  return {(x + kVatRadius * unit_rows(steepest)).value(), p};
}

Tensor teach(const Pass& pass, Discriminator& average, const Var& images, int64_t classes) {
  const Var logits = average(pass, changed(pass, images, "shift")).class_logits;
  return softmax(slice(logits.detach(), 1, 0, classes)).value();
}

ModelLoss objective_loss(const Pass& pass, Generator& generator, Discriminator& discriminator,
                         const StepInputs& in, const Objective& o, ZeroAs zero_as) {
  ModelLoss loss;
  const auto on_data = discriminator(pass.named("real."), changed(pass, in.real.images, o.augment));
  add_class_loss(pass, in.real, on_data.class_scores, zero_as, loss);
  loss.d = loss.d_class;
  if (o.has_gan()) add_gan_loss(pass, generator, discriminator, in, o, on_data, loss);
  const int64_t count = in.real.images.shape()[0];
  if (o.reads_unlabelled() && batch_rows(pass, count - in.labelled).total > 0) {
    const Var unlabelled = slice(on_data.class_scores, 0, in.labelled, count);
    if (in.taught.defined()) add_consistency(pass, unlabelled, in.taught, o, loss);
    if (o.entropy > 0) loss.d = loss.d + o.entropy * mean(pass, entropies(unlabelled));
  }
  if (in.adversarial.images.defined()) {
    const Pass apart = pass.named("adversarial.").with(Statistics::batch);
    const auto on_adversarial = discriminator(apart, in.adversarial.images);
    loss.d = loss.d + o.vat * mean(pass, divergences(on_adversarial.class_scores,
                                                     in.adversarial.probabilities));
  }
  return loss;
}

}  // namespace gradus::ssgan
