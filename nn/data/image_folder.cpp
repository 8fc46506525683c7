#include "nn/data/image_folder.h"

#include <algorithm>

#include "nn/data/batches.h"
#include "nn/data/picture.h"
#include "tensor/error.h"

namespace gradus {
namespace {

namespace fs = std::filesystem;

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
  set.images = Tensor({n, kFittedSide, kFittedSide, 3}, DType::u8);
  set.labels = Tensor({n}, DType::i32);
  constexpr size_t kImageBytes = size_t{kFittedSide} * kFittedSide * 3;
  const auto pixels = set.images.mutable_span<uint8_t>();
  const auto labels = set.labels.mutable_span<int32_t>();
  size_t at = 0;
  for (const int32_t i : shuffled(n, 0, 0)) {
    const LabelledFile& file = files[static_cast<size_t>(i)];
    fit_picture(read_picture(file.path), pixels.subspan(at * kImageBytes, kImageBytes));
    labels[at++] = file.label;
  }
  set.protocol = fmt::format("{}, {} images of {} classes", part.string(), n, set.classes.size());
  return set;
}

std::vector<fs::path> pictures_below(const fs::path& folder) {
  std::vector<fs::path> files, open{folder};  // the next last
  while (!open.empty()) {
    const fs::path path = open.back();
    open.pop_back();
    std::error_code error;
    if (path == folder || (fs::is_directory(path, error) && !fs::is_symlink(path, error))) {
      std::vector<fs::path> entries = entries_of(path);
      open.insert(open.end(), entries.rbegin(), entries.rend());
    } else if (is_picture(path)) {
      files.push_back(path);
    }
  }
  return files;
}

}  // namespace gradus
