#pragma once

#include "apps/ssgan/model/networks.h"
#include "nn/data/image_set.h"

namespace gradus::ssgan {

/// The share of `set`, in [0, 1], whose class D gets right (the label is the largest logit's
/// index), in file order by batches of 128, so that scores by the batch's own statistics can be had
/// again. NaN for an empty set.
double accuracy(Discriminator& discriminator, const ImageSet& set, Statistics statistics);

}  // namespace gradus::ssgan
