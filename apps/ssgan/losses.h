#pragma once

#include "apps/ssgan/networks.h"

namespace gradus::ssgan {

/// The class of SVHN's digit zero, whose label is 10.
enum class ZeroAs {
  raw,    ///< 10, which is none of 0..9: a row of zeros in one_hot (the tutorial)
  klass,  ///< 0
};

struct Batch {
  Var images;         ///< [N, 32, 32, 3] in [-1, 1]
  Tensor labels;      ///< i32 [N], classes
  Tensor label_mask;  ///< [N], 1 where the label may be used; of the images' dtype
};

/// The scalars of the tutorial's model_loss, and what else a step reports.
struct ModelLoss {
  Var d_real, d_fake, d_class;  ///< the three parts of
  Var d;                        ///< the discriminator's loss
  Var g;                        ///< the generator's: feature matching (Salimans et al. 2016)
  Var correct, masked_correct;  ///< right classes of the real images; the same where labelled
  Var fake;                     ///< the generated images [M, 32, 32, 3]
};

/// One forward pass of both networks: `real` through D, z [M, 100] through G and D.
ModelLoss model_loss(const Pass& pass, Generator& generator, Discriminator& discriminator,
                     const Batch& real, const Var& z, ZeroAs zero_as);

/// D as a classifier of the labelled images alone: the baseline. Only d_class, d, correct and
/// masked_correct of the result are defined.
ModelLoss supervised_loss(const Pass& pass, Discriminator& discriminator, const Batch& real,
                          ZeroAs zero_as);

}  // namespace gradus::ssgan
