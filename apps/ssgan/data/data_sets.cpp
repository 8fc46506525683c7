#include "apps/ssgan/data/data_sets.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "apps/ssgan/data/digits.h"
#include "autograd/shaping.h"
#include "nn/crc32c.h"
#include "nn/data/data_folder.h"
#include "nn/data/image_folder.h"
#include "nn/data/mnist.h"
#include "nn/data/svhn.h"

namespace gradus::ssgan {
namespace {

constexpr uint64_t kDigitSeed = 1;  // one data set for every run: `--seed` is the training's
constexpr int64_t kNotebookTestImages = 13016;

std::optional<std::filesystem::path> named_folder(const Options& o) {
  if (o.data_dir.empty()) return {};
  return o.data_dir;
}

FolderOptions folder_options(const Options& o) { return {o.network.image_size, o.test_fraction}; }

ImageSet svhn(const Options& o, Split split) {
  ImageSet set = load_svhn(data_folder(named_folder(o)),
                           split == Split::train ? SvhnSplit::train : SvhnSplit::test);
  if (split == Split::test && o.notebook_test_set && set.official) {
    set.images = slice(set.images, 0, 0, kNotebookTestImages).value();
    set.labels = slice(set.labels, 0, 0, kNotebookTestImages).value();
    set.protocol += fmt::format(", its first {} images", kNotebookTestImages);
  }
  return set;
}

ImageSet mnist(const Options& o, Split split) {
  const MnistKind kind = o.data == "mnist" ? MnistKind::digits : MnistKind::fashion;
  return load_mnist(find_mnist(kind, named_folder(o)), kind, split);
}

ImageSet images_as_stored(const Options& o, Split split) {
  if (o.data == "digits")
    return drawn_digits(split == Split::train ? kDigitTrainCount : kDigitTestCount, split,
                        ZeroAs::raw);
  if (o.data == "svhn") return svhn(o, split);
  if (o.data == "folder") return load_image_folder(o.data_dir, split, folder_options(o));
  return mnist(o, split);
}

std::string listed(const std::vector<std::string>& names) {
  return fmt::format("[{}]", fmt::join(names, ", "));
}

}  // namespace

ImageSet drawn_digits(int64_t n, Split split, ZeroAs zero_as) {
  DigitImages drawn = draw_digits(n, kDigitSeed, split);
  if (zero_as == ZeroAs::raw) std::replace(drawn.labels.begin(), drawn.labels.end(), 0, 10);
  ImageSet set;
  set.classes = mnist_classes(MnistKind::digits);
  set.images = Tensor::from(std::span<const uint8_t>(drawn.pixels), {n, 32, 32, 3});
  set.labels = Tensor::from(std::span<const int32_t>(drawn.labels), {n});
  set.protocol =
      fmt::format("digits, {} {} images", n, split == Split::train ? "training" : "test");
  return set;
}

std::string data_checksum(const ImageSet& train, const ImageSet& test) {
  const auto of = [](const ImageSet& set) {
    uint32_t crc = 0;
    for (const std::string& name : set.classes) crc = crc32c({name.c_str(), name.size() + 1}, crc);
    for (const Tensor& t : {set.images, set.labels})
      crc = crc32c({static_cast<const char*>(t.raw()), static_cast<size_t>(t.bytes())}, crc);
    return crc;
  };
  return fmt::format("train {:08x}, test {:08x}", of(train), of(test));
}

bool has_raw_zeros(const Options& o) { return o.data == "digits" || o.data == "svhn"; }

std::string zero_protocol(const Options& o) {
  if (!has_raw_zeros(o)) return "";
  if (o.zero_as == ZeroAs::klass) return "; digit 0 as class 0";
  return o.network.extra_class ? "; digit 0 as class 10, the one of generated images"
                               : "; digit 0 as class 10, which is never right";
}

std::vector<std::string> class_labels(const Options& o) {
  std::vector<std::string> names = o.class_names;
  while (std::cmp_less(names.size(), o.network.num_classes))
    names.push_back(std::to_string(names.size()));
  if (o.network.extra_class)
    names.emplace_back("generated");
  else if (has_raw_zeros(o) && o.zero_as == ZeroAs::raw)
    names.emplace_back("10");
  return names;
}

Tensor classes_of(const Tensor& labels, ZeroAs zero_as) {
  Tensor classes = labels.clone();
  const auto values = classes.mutable_span<int32_t>();
  if (zero_as == ZeroAs::klass) std::replace(values.begin(), values.end(), 10, 0);
  return classes;
}

ImageSet load_images(const Options& o, Split split) {
  ImageSet set = images_as_stored(o, split);
  const int classes = o.network.num_classes, side = o.network.image_size;
  require<DataError>(set.images.shape()[1] == side,
                     "{}: images of {} pixels, but the network takes {}", set.protocol,
                     set.images.shape()[1], side);
  require<DataError>(static_cast<int>(set.classes.size()) == classes,
                     "{}: {} classes, but the network has {}", set.protocol, set.classes.size(),
                     classes);
  require<DataError>(o.class_names.empty() || set.classes == o.class_names,
                     "{}: its classes are {}, but the network learned {}", set.protocol,
                     listed(set.classes), listed(o.class_names));
  if (has_raw_zeros(o)) set.labels = classes_of(set.labels, o.zero_as);
  return set;
}

void fit_to_data(Options& o) {
  if (o.data == "folder")
    o.class_names = class_folders(o.data_dir, folder_options(o));
  else
    o.class_names = o.data == "fashion-mnist" ? mnist_classes(MnistKind::fashion)
                                              : mnist_classes(MnistKind::digits);
  o.network.num_classes = static_cast<int>(o.class_names.size());
  if (o.data == "digits" && o.preset == "default") o.labels.n = 10;
}

}  // namespace gradus::ssgan
