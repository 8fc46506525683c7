#pragma once

#include <string>

#include "apps/ssgan/model/losses.h"

namespace gradus::ssgan {

/// Which real images the generated ones are told from, and match.
enum class GanReal { all, unlabelled };

/// What the generator learns to do.
enum class GLoss {
  match,  ///< match the real images' mean features (Salimans et al. 2016), as the tutorial's
  fool,   ///< have D take its images for real: softplus(-gan_logits) (Goodfellow et al. 2014)
  both,   ///< their sum
};
/// "match", "fool", "both".
inline constexpr const char* kGLosses[] = {"match", "fool", "both"};

/// What the networks learn from beside model_loss, or at other weights. The defaults are
/// model_loss.
struct Objective {
  /// How the images that D sees in training are changed, real and generated ones alike (Zhao et al.
  /// 2020, "Differentiable augmentation"): names as gradus::augmentation has them.
  std::string augment = "none";
  double gan_weight = 1;  ///< of d_real + d_fake in D's loss; 0: there is no generator
  GanReal gan_real = GanReal::all;
  GLoss g_loss = GLoss::match;
  /// Above 0: where the averaged D gives a class of an unlabelled image, shifted by up to 2 pixels,
  /// at least this probability, D learns that class of the image as `augment` has it (Sohn et al.
  /// 2020, "FixMatch").
  double pseudo_label = 0;
  /// D's probabilities are drawn to those of the averaged D on the image shifted by up to 2 pixels:
  /// the squared difference, summed over classes (Tarvainen & Valpola 2017, "Mean teacher").
  bool mean_teacher = false;
  double consistency_weight = 1;  ///< of these two

  bool has_gan() const { return gan_weight > 0; }
  bool has_teacher() const { return pseudo_label > 0 || mean_teacher; }
  /// Whether it treats images of the labelled and of the unlabelled stream differently.
  bool has_streams() const { return has_teacher() || gan_real == GanReal::unlabelled; }
  bool is_plain() const {
    return augment == "none" && gan_weight == 1 && gan_real == GanReal::all &&
           g_loss == GLoss::match && !has_teacher();
  }
};

/// What a step learns from.
struct StepInputs {
  const Batch& real;  ///< first the labelled stream's images, then the unlabelled stream's
  int64_t labelled;   ///< how many are the labelled stream's
  Var z;              ///< [M, 100]; not read where the objective has no GAN
  /// What the averaged D takes the unlabelled stream's for: [U, classes]. Undefined where the
  /// objective has no teacher or the stream is empty.
  Tensor taught;
};

/// What D, here the averaged one, takes images [U, S, S, 3], shifted by up to 2 pixels, for: the
/// probabilities [U, classes], without that of "generated".
Tensor teach(const Pass& pass, Discriminator& average, const Var& images, int64_t classes);

/// Losses that are not learned from are undefined in the result; those of a stream that is empty in
/// this step are 0. Throws as model_loss and gradus::augmentation.
ModelLoss objective_loss(const Pass& pass, Generator& generator, Discriminator& discriminator,
                         const StepInputs& in, const Objective& objective, ZeroAs zero_as);

}  // namespace gradus::ssgan
