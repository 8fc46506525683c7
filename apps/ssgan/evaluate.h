#pragma once

#include "apps/ssgan/networks.h"
#include "nn/data/image_set.h"

namespace gradus::ssgan {

/// The share of `set` whose class D gets right, in file order by batches of 128, so that scores by
/// the batch's own statistics can be had again.
double accuracy(Discriminator& discriminator, const ImageSet& set, Statistics statistics);

}  // namespace gradus::ssgan
