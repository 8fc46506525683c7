#include "apps/ssgan/model/evaluate.h"

#include <algorithm>
#include <numeric>

#include "autograd/ops.h"

namespace gradus::ssgan {

double accuracy(Discriminator& discriminator, const ImageSet& set, Statistics statistics) {
  constexpr int64_t kBatch = 128;
  const Pass pass = Pass::evaluation(statistics);
  int64_t correct = 0;
  for (int64_t begin = 0; begin < set.count(); begin += kBatch) {
    const int64_t end = std::min(begin + kBatch, set.count());
    const Tensor bytes = slice(set.images, 0, begin, end).value().to(discriminator.device());
    const Var images = scaled_images(bytes, discriminator.dtype());
    const std::vector<int32_t> y = slice(set.labels, 0, begin, end).value().to_vector<int32_t>();
    const std::vector<int32_t> pred_class =
        argmax(discriminator(pass, images).class_logits.value()).to_vector<int32_t>();
    correct += std::inner_product(y.begin(), y.end(), pred_class.begin(), int64_t{0}, std::plus<>(),
                                  std::equal_to<>());
  }
  return static_cast<double>(correct) / static_cast<double>(set.count());
}

}  // namespace gradus::ssgan
