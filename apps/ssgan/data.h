#pragma once

#include "apps/ssgan/options.h"
#include "nn/data/digits.h"
#include "nn/data/image_set.h"

namespace gradus::ssgan {

/// The first `count` images of the drawn data set.
ImageSet drawn_digits(int64_t count, DigitSplit split);

/// The training images that `options` name. Throws DataError where they are missing or damaged.
ImageSet load_training_set(const Options& options);
/// The test images; under notebook_test_set the first half of the official file, else all.
ImageSet load_test_set(const Options& options);

}  // namespace gradus::ssgan
