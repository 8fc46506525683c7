#pragma once

#include <string>
#include <vector>

#include "apps/ssgan/model/scores.h"
#include "nn/data/picture.h"

namespace gradus::ssgan {

/// The confusion matrix: a row a label, a column a prediction, the darker the larger the share of
/// the row; up to 40 classes with their names and, above 0, counts. `names` has one of each class.
Picture confusion_picture(const Scores& scores, const std::vector<std::string>& names);

/// The first `count` mistakes of `scores`, 8 a row, each with the class that it was taken for, how
/// sure that was, and the class that it is. `images` are u8 [N, S, S, 3], on the CPU.
Picture mistakes_picture(const Scores& scores, const Predictions& predictions,
                         const ImageSet& images, const std::vector<std::string>& names,
                         int64_t count);

}  // namespace gradus::ssgan
