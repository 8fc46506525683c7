#include "apps/ssgan/data.h"

#include <algorithm>

#include "autograd/shaping.h"
#include "nn/data/svhn.h"

namespace gradus::ssgan {
namespace {

constexpr uint64_t kDigitSeed = 1;  // one data set for every run: `--seed` is the training's
constexpr int64_t kNotebookTestImages = 13016;

ImageSet svhn(const Options& o, SvhnSplit split) {
  std::optional<std::filesystem::path> dir;
  if (!o.data_dir.empty()) dir = o.data_dir;
  return load_svhn(find_svhn(dir), split);
}

}  // namespace

ImageSet drawn_digits(int64_t n, DigitSplit split) {
  DigitImages drawn = draw_digits(n, kDigitSeed, split);
  std::replace(drawn.labels.begin(), drawn.labels.end(), 0, 10);
  ImageSet set;
  set.images = Tensor::from(std::span<const uint8_t>(drawn.pixels), {n, 32, 32, 3});
  set.labels = Tensor::from(std::span<const int32_t>(drawn.labels), {n});
  set.protocol =
      fmt::format("digits, {} {} images", n, split == DigitSplit::train ? "training" : "test");
  return set;
}

ImageSet load_training_set(const Options& o) {
  return o.data == "digits" ? drawn_digits(kDigitTrainCount, DigitSplit::train)
                            : svhn(o, SvhnSplit::train);
}

ImageSet load_test_set(const Options& o) {
  if (o.data == "digits") return drawn_digits(kDigitTestCount, DigitSplit::test);
  ImageSet set = svhn(o, SvhnSplit::test);
  if (o.notebook_test_set && set.official) {
    set.images = slice(set.images, 0, 0, kNotebookTestImages).value();
    set.labels = slice(set.labels, 0, 0, kNotebookTestImages).value();
    set.protocol += fmt::format(", its first {} images", kNotebookTestImages);
  }
  return set;
}

}  // namespace gradus::ssgan
