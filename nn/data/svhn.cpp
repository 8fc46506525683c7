#include "nn/data/svhn.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "nn/data/mat.h"
#include "nn/data/md5.h"
#include "tensor/error.h"

namespace gradus {
namespace {

constexpr const char* kSource = "http://ufldl.stanford.edu/housenumbers/";
constexpr int64_t kSide = 32;
constexpr int64_t kPixels = kSide * kSide;
constexpr int64_t kChannels = 3;
constexpr int64_t kImageBytes = kPixels * kChannels;
constexpr int kMaxLabel = 10;

struct OfficialFile {
  const char* name;
  const char* md5;
};
constexpr std::array<OfficialFile, 3> kOfficialFiles{{
    {"train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373"},
    {"test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3"},
    {"extra_32x32.mat", "a93ce644f1a588dc4d68dda5feec44a7"},
}};

const OfficialFile& official_file(SvhnSplit split) {
  return kOfficialFiles[static_cast<size_t>(split)];
}

/// MATLAB's order, [channel][column][row] for one image, to [row][column][channel].
void transpose_image(const uint8_t* from, uint8_t* to) {
  for (int64_t h = 0; h < kSide; ++h)
    for (int64_t w = 0; w < kSide; ++w)
      for (int64_t c = 0; c < kChannels; ++c)
        to[(h * kSide + w) * kChannels + c] = from[c * kPixels + w * kSide + h];
}

/// The next values of X, stored as bytes or as other numbers that are whole and fit.
void read_bytes(const std::string& path, const MatArray& x, MatReader& reader,
                std::span<uint8_t> bytes) {
  if (x.stored_as_bytes) return reader.read(bytes);
  std::vector<double> values(bytes.size());
  reader.read(std::span(values));
  for (size_t i = 0; i < values.size(); ++i) {
    const double value = values[i];
    require<DataError>(value >= 0 && value <= 255 && value == static_cast<int>(value),
                       "{}: X holds {}; its values should be whole numbers of 0 to 255", path,
                       value);
    bytes[i] = static_cast<uint8_t>(value);
  }
}

Tensor read_images(const std::string& path, const MatArray& x, MatReader& reader) {
  std::vector<int64_t> dims = x.dims;
  if (dims.size() == 3) dims.push_back(1);  // MATLAB drops a last dimension of 1
  constexpr auto kMaxCount = std::numeric_limits<int32_t>::max();
  require<DataError>(x.kind != MatClass::other && !x.complex && dims.size() == 4 &&
                         dims[0] == kSide && dims[1] == kSide && dims[2] == kChannels &&
                         dims[3] >= 1 && dims[3] <= kMaxCount,
                     "{}: X should be u8 [32, 32, 3, N], but it is {}", path, x.describe());
  const int64_t count = dims[3];
  Tensor images(Shape{count, kSide, kSide, kChannels}, DType::u8);
  constexpr int64_t kBlock = 64;
  std::vector<uint8_t> block(kBlock * kImageBytes);
  const std::span<uint8_t> pixels = images.mutable_span<uint8_t>();
  for (int64_t first = 0; first < count; first += kBlock) {
    const int64_t n = std::min(kBlock, count - first);
    read_bytes(path, x, reader, std::span(block).first(static_cast<size_t>(n * kImageBytes)));
    for (int64_t i = 0; i < n; ++i)
      transpose_image(&block[i * kImageBytes], &pixels[(first + i) * kImageBytes]);
  }
  return images;
}

Tensor read_labels(const std::string& path, const MatArray& y, MatReader& reader) {
  require<DataError>(
      !y.complex && y.dims.size() == 2 && y.count() >= 1 && std::ranges::min(y.dims) == 1,
      "{}: y should be N labels, [N, 1] or [1, N], but it is {}", path, y.describe());
  std::vector<double> values(static_cast<size_t>(y.count()));
  reader.read(std::span(values));
  Tensor labels(Shape{y.count()}, DType::i32);
  const std::span<int32_t> digits = labels.mutable_span<int32_t>();
  for (size_t i = 0; i < values.size(); ++i) {
    const double value = values[i];
    require<DataError>(value >= 1 && value <= kMaxLabel && value == static_cast<int>(value),
                       "{}: y has the label {} in row {} (counted from 0); labels are 1 to {}, and "
                       "{} is the digit zero",
                       path, value, i, kMaxLabel, kMaxLabel);
    digits[i] = static_cast<int32_t>(value);
  }
  return labels;
}

void describe_origin(const std::filesystem::path& path, const OfficialFile& official,
                     ImageSet& set) {
  const std::string md5 = md5_of(path);
  set.official = md5 == official.md5;
  set.protocol = set.official
                     ? fmt::format("{}, official", official.name)
                     : fmt::format("{}, MD5 {} is not the official file's", official.name, md5);
}

std::filesystem::path existing_file(const std::filesystem::path& dir, SvhnSplit split) {
  std::error_code error;
  require<DataError>(std::filesystem::is_directory(dir, error),
                     "{}: {}; it should hold {}, {} and, where wanted, {} of SVHN's "
                     "cropped digits, see {} (`ssgan data fetch` downloads them)",
                     dir.string(),
                     std::filesystem::exists(dir, error) ? "not a folder" : "no such folder",
                     file_name(SvhnSplit::train), file_name(SvhnSplit::test),
                     file_name(SvhnSplit::extra), kSource);
  std::filesystem::path path = dir / file_name(split);
  require<DataError>(std::filesystem::exists(path, error),
                     "{}: no such file; SVHN's cropped digits are looked for there, see {}{}",
                     path.string(), kSource, file_name(split));
  return path;
}

}  // namespace

const char* file_name(SvhnSplit split) { return official_file(split).name; }
const char* official_md5(SvhnSplit split) { return official_file(split).md5; }

ImageSet load_svhn(const std::filesystem::path& dir, SvhnSplit split) {
  const std::filesystem::path path = existing_file(dir, split);
  const std::string file = path.string();
  MatReader reader(path);
  ImageSet set;
  set.classes = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  constexpr size_t kMostNamed = 10;
  std::vector<std::string> seen;
  size_t arrays = 0;
  while (const auto array = reader.next()) {
    if (++arrays <= kMostNamed) seen.push_back(array->name);
    const bool again = (array->name == "X" && set.images.defined()) ||
                       (array->name == "y" && set.labels.defined());
    require<DataError>(!again, "{}: it has the array {} twice", file, array->name);
    if (array->name == "X") set.images = read_images(file, *array, reader);
    if (array->name == "y") set.labels = read_labels(file, *array, reader);
  }
  require<DataError>(
      set.images.defined() && set.labels.defined(),
      "{}: it should have the arrays X and y, but it has [{}{}]: is it another file, "
      "or was a download interrupted?",
      file, fmt::join(seen, ", "),
      arrays > seen.size() ? fmt::format(" and {} more", arrays - seen.size()) : "");
  require<DataError>(set.images.shape()[0] == set.count(), "{}: X has {} images, but y {} labels",
                     file, set.images.shape()[0], set.count());
  describe_origin(path, official_file(split), set);
  return set;
}

}  // namespace gradus
