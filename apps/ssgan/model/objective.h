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
  /// Weights in D's loss; 0: not learned from. The entropy of D's probabilities of unlabelled
  /// images, which is to be small (Grandvalet & Bengio 2005); how far these change where an image
  /// is changed by kVatRadius in the worst direction (Miyato et al. 2018, "Virtual adversarial
  /// training"); the squared difference of D's logits of G(z) and of G at a point next to z, summed
  /// over classes (Lecouat et al. 2018, "Revisiting manifold regularization").
  double entropy = 0, vat = 0, manifold = 0;
  /// Weight in G's loss of the squared cosines between the features of its images (Zhao et al.
  /// 2017, "Energy-based GAN", whose pull-away term it is; Dai et al. 2017, "Bad GAN").
  double pull_away = 0;

  bool operator==(const Objective&) const = default;
  bool has_gan() const { return gan_weight > 0; }
  bool has_teacher() const { return pseudo_label > 0 || mean_teacher; }
  /// Whether unlabelled images teach D anything but what is real.
  bool reads_unlabelled() const { return has_teacher() || entropy > 0 || vat > 0; }
  /// Whether it treats images of the labelled and of the unlabelled stream differently.
  bool has_streams() const { return reads_unlabelled() || gan_real == GanReal::unlabelled; }
  bool is_plain() const { return *this == Objective{}; }
};

/// The weights that have a flag and a key in config.json of this name alone.
struct LossWeight {
  const char* name;
  double Objective::*weight;
  const char* meaning;
};
inline constexpr LossWeight kLossWeights[] = {
    {"entropy", &Objective::entropy, "Weight of the entropy of D's classes of unlabelled images"},
    {"vat", &Objective::vat,
     "Weight of virtual adversarial training: D's classes of an unlabelled image stay what they "
     "are where it changes in the worst direction"},
    {"manifold", &Objective::manifold,
     "Weight of the difference of D's logits of G(z) and of G at a point next to z"},
    {"pull_away", &Objective::pull_away,
     "Weight in G's loss of how much the features of its images point the same way"},
};

/// Length of the change that VAT looks for, of an image of 3,072 numbers in [-1, 1], and of the
/// first guess at its direction.
inline constexpr double kVatRadius = 2.5, kVatProbe = 1;
/// Length of the step from z that `manifold` is about, as the paper's program has it: what differs
/// beside it is dropout.
inline constexpr double kManifoldStep = 1e-5;

/// Images that D's probabilities are to stay as they are for.
struct Adversarial {
  Tensor images;         ///< [U, 32, 32, 3], each kVatRadius away from the one that it was
  Tensor probabilities;  ///< [U, C]: D's of that one
};

/// What a step learns from.
struct StepInputs {
  const Batch& real;  ///< first the labelled stream's images, then the unlabelled stream's
  int64_t labelled;   ///< how many are the labelled stream's
  Var z;              ///< [M, 100]; not read where the objective has no GAN
  /// What the averaged D takes the unlabelled stream's for: [U, classes]. Undefined where the
  /// objective has no teacher or the stream is empty.
  Tensor taught;
  Adversarial adversarial;  ///< of the unlabelled stream; undefined without VAT or such a stream
};

/// What D, here the averaged one, takes images [U, S, S, 3], shifted by up to 2 pixels, for: the
/// probabilities [U, classes], without that of "generated".
Tensor teach(const Pass& pass, Discriminator& average, const Var& images, int64_t classes);

/// By one step of the power method from a random direction, without dropout. Images [U, 32, 32, 3]
/// are changed as `how` says first.
Adversarial adversarial_of(const Pass& pass, const Discriminator& discriminator, const Var& images,
                           const std::string& how);

/// Losses that are not learned from are undefined in the result; those of a stream that is empty in
/// this step are 0. Throws as model_loss and gradus::augmentation.
ModelLoss objective_loss(const Pass& pass, Generator& generator, Discriminator& discriminator,
                         const StepInputs& in, const Objective& objective, ZeroAs zero_as);

}  // namespace gradus::ssgan
