#include "nn/data/mnist.h"

#include <algorithm>
#include <array>

#include "nn/data/data_folder.h"
#include "nn/data/idx.h"
#include "tensor/error.h"

namespace gradus {
namespace {

constexpr int64_t kSide = 28, kBorder = 2, kFullSide = kSide + 2 * kBorder;
constexpr int kClasses = 10;

/// MD5 of the official files, inflated.
struct Official {
  const char *images, *labels;
};
constexpr std::array<std::array<Official, 2>, 2> kOfficial{{
    {{{"6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624"},
      {"2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637"}}},
    {{{"f4a8712d7a061bf5bd6d2ca38dc4d50a", "9018921c3c673c538a1fc5bad174d6f9"},
      {"8181f5470baa50b63fa0f6fddb340f0a", "15d484375f8d13e6eb1aabb0c3f46965"}}},
}};

std::filesystem::path existing_file(const std::filesystem::path& dir, const std::string& name) {
  std::error_code error;
  for (const char* suffix : {"", ".gz"})
    if (auto path = dir / (name + suffix); std::filesystem::exists(path, error)) return path;
  throw DataError(fmt::format("{}: no such file, and none with .gz behind its name either",
                              (dir / name).string()));
}

/// u8 [N, 28, 28, 1] -> [N, 32, 32, 3].
Tensor framed(const Tensor& grey) {
  const int64_t n = grey.shape()[0];
  Tensor images = Tensor::zeros({n, kFullSide, kFullSide, 3}, DType::u8);
  const auto from = grey.span<uint8_t>();
  const auto to = images.mutable_span<uint8_t>();
  for (int64_t row = 0; row < n * kSide; ++row) {
    const int64_t image = row / kSide, y = row % kSide + kBorder;
    const auto out = to.subspan(3 * ((image * kFullSide + y) * kFullSide + kBorder), 3 * kSide);
    for (int64_t x = 0; x < kSide; ++x) std::fill_n(&out[3 * x], 3, from[row * kSide + x]);
  }
  return images;
}

}  // namespace

const char* name(MnistKind kind) { return kind == MnistKind::digits ? "mnist" : "fashion-mnist"; }

std::vector<std::string> mnist_classes(MnistKind kind) {
  if (kind == MnistKind::digits) return {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  return {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
          "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
}

std::filesystem::path find_mnist(MnistKind kind,
                                 const std::optional<std::filesystem::path>& data_dir) {
  if (data_dir) return *data_dir;
  const std::filesystem::path own = data_folder({}) / name(kind),
                              system = std::filesystem::path("/usr/share/datasets") / name(kind);
  std::error_code error;
  for (const auto& dir : {own, system})
    if (std::filesystem::is_directory(dir, error)) return dir;
  throw DataError(fmt::format(
      "{}: no such folder, and no {} either{}; name the folder of the files with --data-dir",
      own.string(), system.string(),
      kind == MnistKind::fashion ? " (the package dataset-fashion-mnist)" : ""));
}

ImageSet load_mnist(const std::filesystem::path& dir, MnistKind kind, Split split) {
  ImageSet set = load_mnist_grey(dir, kind, split);
  set.images = framed(set.images);
  return set;
}

ImageSet load_mnist_grey(const std::filesystem::path& dir, MnistKind kind, Split split) {
  const std::string prefix = split == Split::train ? "train" : "t10k";
  const auto images_path = existing_file(dir, prefix + "-images-idx3-ubyte");
  const auto labels_path = existing_file(dir, prefix + "-labels-idx1-ubyte");
  const IdxFile images = read_idx(images_path, 3), labels = read_idx(labels_path, 1);
  const int64_t n = labels.values.count();
  const Shape& shape = images.values.shape();
  require<DataError>(shape[1] == kSide && shape[2] == kSide,
                     "{}: images of {} x {}; {} x {} expected", images_path.string(), shape[1],
                     shape[2], kSide, kSide);
  require<DataError>(shape[0] == n, "{}: {} images, but {} has {} labels", images_path.string(),
                     shape[0], labels_path.string(), n);
  ImageSet set;
  set.classes = mnist_classes(kind);
  set.images = images.values.reshape({n, kSide, kSide, 1});
  set.labels = Tensor({n}, DType::i32);
  const auto given = labels.values.span<uint8_t>();
  const auto kept = set.labels.mutable_span<int32_t>();
  for (int64_t i = 0; i < n; ++i) {
    const int label = given[i];
    require<DataError>(label < kClasses, "{}: label {} of image {} (counted from 0); 0 to {} are",
                       labels_path.string(), label, i, kClasses - 1);
    kept[i] = label;
  }
  const Official& official =
      kOfficial[static_cast<size_t>(kind)][static_cast<size_t>(split == Split::test)];
  set.official = images.md5 == official.images && labels.md5 == official.labels;
  set.protocol = fmt::format("{} {} set, {} images{}", name(kind), name(split), n,
                             set.official ? ", official" : ", not the official files");
  return set;
}

}  // namespace gradus
