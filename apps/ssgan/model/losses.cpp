#include "apps/ssgan/model/losses.h"

#include "autograd/ops.h"

namespace gradus::ssgan {
void add_class_loss(const Pass& pass, const Batch& real, const Var& class_logits, ZeroAs zero_as,
                    ModelLoss& loss) {
  const Tensor& y = real.labels;
  const Tensor one_hot_y =
      one_hot(y, class_logits.shape()[1], class_logits.dtype(),
              zero_as == ZeroAs::raw ? OutOfRange::zero_row : OutOfRange::error);
  const Var label_mask = real.label_mask;
  const Var class_cross_entropy =
      pass.report("class_cross_entropy", softmax_cross_entropy(class_logits, one_hot_y));
  loss.d_class = sum(pass, label_mask * class_cross_entropy) / maximum(sum(pass, label_mask), 1);

  const Tensor pred_class = argmax(class_logits.value());
  const Var eq = equal(pred_class.to(class_logits.dtype()), y.to(class_logits.dtype()));
  loss.correct = sum(pass, eq);
  loss.masked_correct = sum(pass, label_mask * eq);
}

ModelLoss model_loss(const Pass& pass, const Generator& generator,
                     const Discriminator& discriminator, const Batch& real, const Var& z,
                     ZeroAs zero_as) {
  ModelLoss loss;
  loss.fake = pass.report("fake", generator(pass.named("generator."), z));
  const auto on_data = discriminator(pass.named("real."), real.images);
  // The running statistics are those of real images.
  const auto on_samples = discriminator(pass.named("fake.").with(Statistics::batch), loss.fake);
  pass.show("real.probabilities", softmax(on_data.class_logits));
  pass.show("fake.probabilities", softmax(on_samples.class_logits));

  loss.d_real = mean(pass, softplus(-on_data.gan_logits));
  loss.d_fake = mean(pass, softplus(on_samples.gan_logits));
  add_class_loss(pass, real, on_data.class_scores, zero_as, loss);
  loss.d = loss.d_class + loss.d_real + loss.d_fake;

  const Var data_moments = mean(pass, on_data.features, {0});
  const Var sample_moments = mean(pass, on_samples.features, {0});
  loss.g = mean(abs(data_moments - sample_moments));
  return loss;
}

}  // namespace gradus::ssgan
