#pragma once

#include "apps/ssgan/model/evaluate.h"

namespace gradus::ssgan {

/// Images whose likeliest class has a probability in one tenth of [0, 1].
struct CalibrationBin {
  int64_t images = 0;
  double confidence = 0;  ///< the mean of these probabilities; 0 where there are no images
  double accuracy = 0;    ///< the share that is right; likewise
};

/// How good predictions are, against labels.
struct Scores {
  double accuracy = 0;             ///< in [0, 1]; NaN where there are no images
  int64_t classes = 0;             ///< C: of labels and predictions
  std::vector<int64_t> confusion;  ///< [C, C]: images of a class (row) taken for one (column)
  std::vector<CalibrationBin> calibration;  ///< ten, from the lowest tenth on
  /// Expected calibration error: the mean over images of |confidence - accuracy| of their bin
  /// (Guo et al. 2017, "On calibration of modern neural networks").
  double calibration_error = 0;
  std::vector<int64_t> mistakes;  ///< images taken for another class, the most confident first

  int64_t taken(int64_t label, int64_t as) const {
    return confusion[static_cast<size_t>(label * classes + as)];
  }
  int64_t images_of(int64_t label) const;
  double accuracy_of(int64_t label) const;  ///< NaN where there are none
  /// The class for which images of `label` are most often mistaken; -1 where none is.
  int64_t mistaken_for(int64_t label) const;
};

/// Labels i32 [N], from 0 on, on the CPU; they may have a class more than the predictions, that of
/// raw zeros.
Scores score(const Predictions& predictions, const Tensor& labels);

}  // namespace gradus::ssgan
