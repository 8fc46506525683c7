#pragma once

#include "apps/ssgan/model/networks.h"

namespace gradus::ssgan {

/// The class of SVHN's digit zero, whose label is 10.
enum class ZeroAs {
  raw,    ///< 10, which is none of 0..9: a row of zeros in one_hot (the tutorial)
  klass,  ///< 0
};

struct Batch {
  Var images;         ///< [N, S, S, 3] in [-1, 1]
  Tensor labels;      ///< i32 [N], classes; 10 for a raw zero
  Tensor label_mask;  ///< [N], 1 where the label may be used, else 0; of the images' dtype
};

/// The scalars [] of the tutorial's model_loss, and what else a step reports.
struct ModelLoss {
  Var d_real;   ///< mean softplus(-gan_logits) of real images (Goodfellow et al. 2014)
  Var d_fake;   ///< mean softplus(gan_logits) of generated ones
  Var d_class;  ///< mean cross-entropy of the classes where labelled, 0 where nothing is
  Var d;        ///< the discriminator's loss: the sum of the three (Salimans et al. 2016)
  Var g;        ///< the generator's: feature matching (the same), here mean |difference of means|
  /// The averaged D's teaching (objective.h), and of how many images of the unlabelled stream it is
  /// sure enough to give a class, in [0, 1].
  Var consistency, confident;
  Var correct, masked_correct;  ///< how many classes of real images are right; those labelled
  Var fake;                     ///< the generated images [M, S, S, 3]
};

/// One forward pass of both networks: `real` through D, z [M, 100] through G and D; in a shared
/// pass this rank's parts of them, for the whole batch's losses. Throws ShapeError where zeros are
/// no `raw` and a label is no class, and as the networks do.
ModelLoss model_loss(const Pass& pass, const Generator& generator,
                     const Discriminator& discriminator, const Batch& real, const Var& z,
                     ZeroAs zero_as);

/// Adds d_class, correct and masked_correct of D's logits on real images. Throws as model_loss.
void add_class_loss(const Pass& pass, const Batch& real, const Var& class_logits, ZeroAs zero_as,
                    ModelLoss& loss);

}  // namespace gradus::ssgan
