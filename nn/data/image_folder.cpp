#include "nn/data/image_folder.h"

#include <algorithm>
#include <cmath>

#include "nn/data/batches.h"
#include "nn/data/picture.h"
#include "tensor/error.h"

namespace gradus {
namespace {

namespace fs = std::filesystem;

constexpr int kSide = 32;

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return text;
}

/// What people do not see in their folders, since systems hide it.
bool is_hidden(const fs::path& path) {
  const std::string name = lower_case(path.filename().string());
  return name.starts_with('.') || name == "thumbs.db" || name == "desktop.ini" ||
         name == "__macosx";
}

bool is_picture(const fs::path& path) {
  const std::string extension = lower_case(path.extension().string());
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

/// What is in a folder, sorted by name, but for what is hidden.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (!is_hidden(it->path())) entries.push_back(it->path());
  require<DataError>(!error, "{}: cannot be read: {}", folder.string(), error.message());
  std::ranges::sort(entries);
  return entries;
}

std::vector<std::string> folders_in(const fs::path& parent) {
  std::vector<std::string> names;
  for (const fs::path& entry : entries_of(parent)) {
    std::error_code error;
    require<DataError>(fs::is_directory(entry, error),
                       "{}: not a folder; {} holds one for each class and nothing else",
                       entry.string(), parent.string());
    names.push_back(entry.filename().string());
  }
  return names;
}

struct LabelledFile {
  fs::path path;
  int32_t label;
};

std::vector<LabelledFile> files_of(const fs::path& part, const std::vector<std::string>& classes) {
  std::vector<LabelledFile> files;
  for (size_t c = 0; c < classes.size(); ++c) {
    const fs::path folder = part / classes[c];
    const auto entries = entries_of(folder);
    require<DataError>(!entries.empty(), "{}: no image there", folder.string());
    for (const fs::path& entry : entries) {
      require<DataError>(is_picture(entry), "{}: only files .png, .jpg and .jpeg are read",
                         entry.string());
      files.push_back({entry, static_cast<int32_t>(c)});
    }
  }
  return files;
}

/// The part of the pixel [i, i + 1) that [begin, end) covers.
double overlap(int i, double begin, double end) {
  return std::min(end, i + 1.0) - std::max(begin, double(i));
}

/// The square in the middle, to u8 [32, 32, 3].
void shrink(const Picture& p, std::span<uint8_t> out) {
  const int side = std::min(p.width, p.height);
  const int left = (p.width - side) / 2, top = (p.height - side) / 2;
  const double scale = double(side) / kSide;
  for (int i = 0; i < kSide * kSide; ++i) {
    const double y0 = i / kSide * scale, y1 = y0 + scale, x0 = i % kSide * scale, x1 = x0 + scale;
    double sum[3] = {};
    for (int y = static_cast<int>(y0); y < std::min(std::ceil(y1), double(side)); ++y)
      for (int x = static_cast<int>(x0); x < std::min(std::ceil(x1), double(side)); ++x) {
        const double weight = overlap(y, y0, y1) * overlap(x, x0, x1);
        const uint8_t* pixel = &p.rgb[3 * (size_t(top + y) * size_t(p.width) + size_t(left + x))];
        for (int c = 0; c < 3; ++c) sum[c] += weight * pixel[c];
      }
    for (int c = 0; c < 3; ++c)
      out[3 * size_t(i) + size_t(c)] =
          static_cast<uint8_t>(std::clamp(sum[c] / (scale * scale) + 0.5, 0.0, 255.0));
  }
}

}  // namespace

std::vector<std::string> class_folders(const fs::path& dir) {
  constexpr size_t kMost = 1000;
  std::error_code error;
  require<DataError>(fs::is_directory(dir / "train", error),
                     "{}: no such folder; images are expected as {}/train/CLASS/NAME.png and "
                     "{}/test/CLASS/NAME.png",
                     (dir / "train").string(), dir.string(), dir.string());
  std::vector<std::string> classes = folders_in(dir / "train");
  require<DataError>(classes.size() >= 2 && classes.size() <= kMost,
                     "{}: {} folders of classes; 2 to {} expected", (dir / "train").string(),
                     classes.size(), kMost);
  return classes;
}

ImageSet load_image_folder(const fs::path& dir, Split split) {
  const fs::path part = dir / name(split);
  ImageSet set;
  set.classes = class_folders(dir);
  if (split == Split::test) {
    const std::vector<std::string> there = folders_in(part);
    for (const std::string& c : there)
      require<DataError>(std::ranges::binary_search(set.classes, c),
                         "{}: no class of {}, which has no folder {}", (part / c).string(),
                         (dir / "train").string(), c);
    for (const std::string& c : set.classes)
      require<DataError>(std::ranges::binary_search(there, c), "{}: no such folder, but {} is",
                         (part / c).string(), (dir / "train" / c).string());
  }
  const std::vector<LabelledFile> files = files_of(part, set.classes);
  const auto n = static_cast<int64_t>(files.size());
  set.images = Tensor({n, kSide, kSide, 3}, DType::u8);
  set.labels = Tensor({n}, DType::i32);
  constexpr size_t kImageBytes = size_t{kSide} * kSide * 3;
  const auto pixels = set.images.mutable_span<uint8_t>();
  const auto labels = set.labels.mutable_span<int32_t>();
  size_t at = 0;
  for (const int32_t i : shuffled(n, 0, 0)) {
    const LabelledFile& file = files[static_cast<size_t>(i)];
    shrink(read_picture(file.path), pixels.subspan(at * kImageBytes, kImageBytes));
    labels[at++] = file.label;
  }
  set.protocol = fmt::format("{}, {} images of {} classes", part.string(), n, set.classes.size());
  return set;
}

}  // namespace gradus
