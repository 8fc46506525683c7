#pragma once

#include <functional>
#include <span>
#include <vector>

#include "apps/ssgan/model/networks.h"
#include "nn/data/image_set.h"

namespace gradus::ssgan {

/// What D says of N images.
struct Predictions {
  int64_t classes = 0;  ///< K, the class of generated images included
  int64_t told = 0;     ///< of these the first that class_of chooses among: class_scores; 0: all
  std::vector<float> logits;          ///< [N, K]: class_logits; those of an ensemble are empty
  std::vector<double> probabilities;  ///< [N, K]: their softmax
  std::vector<double> real;           ///< [N]: P(real)

  int64_t count() const { return static_cast<int64_t>(real.size()); }
  std::span<const double> of(int64_t image) const {
    return std::span(probabilities)
        .subspan(static_cast<size_t>(image * classes), static_cast<size_t>(classes));
  }
  /// The likeliest class; of equal ones the first.
  int64_t class_of(int64_t image) const;
  double confidence(int64_t image) const { return of(image)[size_t(class_of(image))]; }
};

/// D on images u8 [N, S, S, 3], in their order by batches of 128, so that what the batch's own
/// statistics give can be had again.
void for_each_batch(const Discriminator& discriminator, const Tensor& images, Statistics statistics,
                    const std::function<void(const Discriminator::Output&)>& use);
Predictions predict(const Discriminator& discriminator, const Tensor& images,
                    Statistics statistics);
/// An ensemble: the means of the members' probabilities. There is at least one, and all are of as
/// many images and classes, unchecked.
Predictions mean_of(const std::vector<Predictions>& members);

/// The share of the labels, i32 [N], in [0, 1], that are the likeliest class. NaN where N is 0.
double accuracy(const Predictions& predictions, const Tensor& labels);
double accuracy(const Discriminator& discriminator, const ImageSet& set, Statistics statistics);

}  // namespace gradus::ssgan
