#include "apps/ssgan/model/objective.h"

#include "autograd/ops.h"

namespace gradus::ssgan {
namespace {

Var changed(const Pass& pass, const Var& images, const std::string& how) {
  return how == "none" ? images : augment(images, augmentation(how), pass.draw());
}

void add_gan_loss(const Pass& pass, Generator& generator, Discriminator& discriminator,
                  const StepInputs& in, const Objective& o, const Discriminator::Output& on_data,
                  ModelLoss& loss) {
  loss.fake = pass.report("fake", generator(pass.named("generator."), in.z));
  const auto on_samples = discriminator(pass.named("fake.").with(Statistics::batch),
                                        changed(pass, loss.fake, o.augment));
  loss.d_fake = mean(softplus(on_samples.gan_logits));

  const int64_t count = in.real.images.shape()[0];
  const int64_t first = o.gan_real == GanReal::unlabelled ? in.labelled : 0;
  const Var sample_moments = mean(on_samples.features, {0});
  if (first < count) {
    loss.d_real = mean(softplus(-slice(on_data.gan_logits, 0, first, count)));
    const Var data_moments = mean(slice(on_data.features, 0, first, count), {0});
    loss.g = mean(abs(data_moments - sample_moments));
  } else {
    loss.d_real = 0 * loss.d_fake;
    loss.g = 0 * mean(sample_moments);
  }
  if (o.g_loss != GLoss::match) {
    const Var fool = mean(softplus(-on_samples.gan_logits));
    loss.g = o.g_loss == GLoss::fool ? fool : loss.g + fool;
  }
  loss.d = loss.d + o.gan_weight * (loss.d_real + loss.d_fake);
}

/// `class_logits`: scores of the unlabelled stream.
void add_consistency(const Var& class_logits, const Tensor& taught, const Objective& o,
                     ModelLoss& loss) {
  const Var confident = max(taught, {1}) >= o.pseudo_label;
  loss.confident = mean(confident);
  std::vector<Var> terms;
  if (o.pseudo_label > 0) {
    const Tensor pseudo_y = one_hot(argmax(taught), class_logits.shape()[1], taught.dtype());
    terms.push_back(mean(confident * softmax_cross_entropy(class_logits, pseudo_y)));
  }
  if (o.mean_teacher) {
    const Var taken_for = softmax(slice(class_logits, 1, 0, taught.shape()[1]));
    const Var difference = taken_for - taught;
    terms.push_back(mean(sum(difference * difference, {1})));
  }
  loss.consistency = terms.size() == 2 ? terms[0] + terms[1] : terms[0];
  loss.d = loss.d + o.consistency_weight * loss.consistency;
}

}  // namespace

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
  if (in.taught.defined()) {
    const int64_t count = in.real.images.shape()[0];
    add_consistency(slice(on_data.class_scores, 0, in.labelled, count), in.taught, o, loss);
  }
  return loss;
}

}  // namespace gradus::ssgan
