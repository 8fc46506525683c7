#include "apps/ssgan/model/scores.h"

#include <algorithm>
#include <cmath>

namespace gradus::ssgan {

int64_t Scores::images_of(int64_t label) const {
  int64_t sum = 0;
  for (int64_t as = 0; as < classes; ++as) sum += taken(label, as);
  return sum;
}

double Scores::accuracy_of(int64_t label) const {
  return static_cast<double>(taken(label, label)) / static_cast<double>(images_of(label));
}

int64_t Scores::mistaken_for(int64_t label) const {
  int64_t most = -1;
  for (int64_t as = 0; as < classes; ++as)
    if (as != label && taken(label, as) > (most < 0 ? 0 : taken(label, most))) most = as;
  return most;
}

Scores score(const Predictions& p, const Tensor& labels) {
  constexpr int kBins = 10;
  Scores s;
  s.accuracy = accuracy(p, labels);
  s.classes = p.classes;
  const auto y = labels.span<int32_t>();
  for (const int32_t label : y) s.classes = std::max<int64_t>(s.classes, label + 1);
  s.confusion.resize(static_cast<size_t>(s.classes * s.classes));
  s.calibration.resize(kBins);
  for (int64_t i = 0; i < p.count(); ++i) {
    const int64_t label = y[static_cast<size_t>(i)], as = p.class_of(i);
    const double confidence = p.confidence(i);
    ++s.confusion[static_cast<size_t>(label * s.classes + as)];
    CalibrationBin& bin =
        s.calibration[size_t(confidence > 0 ? std::min(int(confidence * kBins), kBins - 1) : 0)];
    ++bin.images;
    bin.confidence += confidence;
    bin.accuracy += label == as;
    if (label != as) s.mistakes.push_back(i);
  }
  for (CalibrationBin& bin : s.calibration) {
    if (bin.images == 0) continue;
    const auto n = static_cast<double>(bin.images);
    s.calibration_error += std::abs(bin.confidence - bin.accuracy) / static_cast<double>(p.count());
    bin.confidence /= n;
    bin.accuracy /= n;
  }
  std::ranges::stable_sort(s.mistakes, std::greater<>(),
                           [&](int64_t image) { return p.confidence(image); });
  return s;
}

}  // namespace gradus::ssgan
