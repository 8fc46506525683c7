#include "apps/ssgan/model/evaluate.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops.h"

namespace gradus::ssgan {
namespace {

/// Appends the softmax of `logits` [K].
void append_softmax(std::span<const float> logits, std::vector<double>& probabilities) {
  const double largest = std::ranges::max(logits);
  double sum = 0;
  for (const float l : logits) sum += std::exp(l - largest);
  for (const float l : logits) probabilities.push_back(std::exp(l - largest) / sum);
}

}  // namespace

int64_t Predictions::class_of(int64_t image) const {
  const std::span<const double> p = of(image).first(static_cast<size_t>(told ? told : classes));
  return std::ranges::max_element(p) - p.begin();
}

void for_each_batch(const Discriminator& discriminator, const Tensor& images, Statistics statistics,
                    const std::function<void(const Discriminator::Output&)>& use) {
  constexpr int64_t kBatch = 128;
  const Pass pass = Pass::evaluation(statistics);
  const int64_t count = images.shape()[0];
  for (int64_t begin = 0; begin < count; begin += kBatch) {
    const Tensor bytes = slice(images, 0, begin, std::min(begin + kBatch, count)).value();
    use(discriminator(pass,
                      scaled_images(bytes.to(discriminator.device()), discriminator.dtype())));
  }
}

Predictions predict(const Discriminator& discriminator, const Tensor& images,
                    Statistics statistics) {
  Predictions p;
  for_each_batch(discriminator, images, statistics, [&](const Discriminator::Output& out) {
    p.classes = out.class_logits.shape()[1];
    p.told = out.class_scores.shape()[1];
    const auto logits = out.class_logits.value().to(DType::f32).to_vector<float>();
    p.logits.insert(p.logits.end(), logits.begin(), logits.end());
    for (const float l : out.gan_logits.value().to(DType::f32).to_vector<float>())
      p.real.push_back(1 / (1 + std::exp(-double(l))));
  });
  const auto classes = static_cast<size_t>(p.classes);
  p.probabilities.reserve(p.logits.size());
  for (size_t at = 0; at < p.logits.size(); at += classes)
    append_softmax(std::span(p.logits).subspan(at, classes), p.probabilities);
  return p;
}

Predictions mean_of(const std::vector<Predictions>& members) {
  Predictions mean = members.front();
  if (members.size() == 1) return mean;
  mean.logits.clear();
  const auto average = [&](std::vector<double> Predictions::*values) {
    std::vector<double>& sums = mean.*values;
    for (size_t m = 1; m < members.size(); ++m)
      for (size_t i = 0; i < sums.size(); ++i) sums[i] += (members[m].*values)[i];
    for (double& sum : sums) sum /= static_cast<double>(members.size());
  };
  average(&Predictions::probabilities);
  average(&Predictions::real);
  return mean;
}

double accuracy(const Predictions& predictions, const Tensor& labels) {
  int64_t image = 0, correct = 0;
  for (const int32_t label : labels.span<int32_t>())
    correct += label == predictions.class_of(image++);
  return static_cast<double>(correct) / static_cast<double>(labels.count());
}

double accuracy(const Discriminator& discriminator, const ImageSet& set, Statistics statistics) {
  return accuracy(predict(discriminator, set.images, statistics), set.labels);
}

}  // namespace gradus::ssgan
