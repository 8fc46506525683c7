#include "nn/data/image_folder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "nn/data/batches.h"
#include "nn/data/md5.h"
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

/// Where the folders of classes are: `dir`/train, or with a test fraction `dir` as well.
fs::path class_root(const fs::path& dir, const FolderOptions& options) {
  std::error_code error;
  const fs::path train = dir / "train", test = dir / "test";
  const bool there = fs::is_directory(train, error);
  if (options.test_fraction > 0) {
    // A class may be called "train".
    if (!there || std::ranges::none_of(entries_of(train), [](const fs::path& entry) {
          std::error_code ignored;
          return fs::is_directory(entry, ignored);
        }))
      return dir;
    require<DataError>(!fs::exists(test, error),
                       "{}: a test set is there; a test fraction ({}) is for folders without one",
                       test.string(), options.test_fraction);
    return train;
  }
  require<DataError>(there,
                     "{}: no such folder; images are expected as {}/train/CLASS/NAME.png and "
                     "{}/test/CLASS/NAME.png (or .jpg), or, with a test fraction (ssgan's "
                     "--test-fraction 0.2), as {}/CLASS/NAME.png",
                     train.string(), dir.string(), dir.string(), dir.string());
  require<DataError>(fs::is_directory(test, error),
                     "{}: no such folder; make one, or choose a test fraction (ssgan's "
                     "--test-fraction 0.2 takes a fifth of each class for testing)",
                     test.string());
  return train;
}

/// Of the files of one class, those of a part.
std::vector<fs::path> part_of(const std::vector<fs::path>& files, Split split, double fraction) {
  require<DataError>(files.size() > 1, "{}: the only image of its class; it cannot be split",
                     files.front().string());
  std::vector<std::pair<std::string, fs::path>> by_digest;
  for (const fs::path& file : files) {
    const std::string name = file.filename().string();
    Md5 md5;
    md5.add(std::as_bytes(std::span(name)));
    by_digest.emplace_back(md5.finish(), file);
  }
  std::ranges::sort(by_digest);
  const auto n = static_cast<int64_t>(files.size());
  const int64_t tests = std::clamp<int64_t>(std::llround(fraction * double(n)), 1, n - 1);
  std::vector<fs::path> part;
  for (int64_t i = 0; i < n; ++i)
    if ((i < tests) == (split == Split::test)) part.push_back(by_digest[size_t(i)].second);
  std::ranges::sort(part);
  return part;
}

std::vector<LabelledFile> files_of(const fs::path& folder, const std::vector<std::string>& classes,
                                   Split split, double test_fraction) {
  std::vector<LabelledFile> files;
  for (size_t c = 0; c < classes.size(); ++c) {
    const fs::path in = folder / classes[c];
    std::vector<fs::path> entries = entries_of(in);
    require<DataError>(!entries.empty(), "{}: no image there", in.string());
    for (const fs::path& entry : entries)
      require<DataError>(is_picture(entry), "{}: only files .png, .jpg and .jpeg are read",
                         entry.string());
    if (test_fraction > 0) entries = part_of(entries, split, test_fraction);
    for (const fs::path& entry : entries) files.push_back({entry, static_cast<int32_t>(c)});
  }
  return files;
}

}  // namespace

std::vector<std::string> class_folders(const fs::path& dir, const FolderOptions& options) {
  constexpr size_t kMost = 1000;
  const fs::path root = class_root(dir, options);
  std::vector<std::string> classes = folders_in(root);
  require<DataError>(classes.size() >= 2 && classes.size() <= kMost,
                     "{}: {} folders of classes; 2 to {} expected", root.string(), classes.size(),
                     kMost);
  return classes;
}

ImageSet load_image_folder(const fs::path& dir, Split split, const FolderOptions& options) {
  ImageSet set;
  set.classes = class_folders(dir, options);
  const bool splits = options.test_fraction > 0;
  const fs::path root = class_root(dir, options), part = splits ? root : dir / name(split);
  if (split == Split::test && !splits) {
    const std::vector<std::string> there = folders_in(part);
    for (const std::string& c : there)
      require<DataError>(std::ranges::binary_search(set.classes, c),
                         "{}: no class of {}, which has no folder {}", (part / c).string(),
                         root.string(), c);
    for (const std::string& c : set.classes)
      require<DataError>(std::ranges::binary_search(there, c), "{}: no such folder, but {} is",
                         (part / c).string(), (root / c).string());
  }
  const auto files = files_of(part, set.classes, split, options.test_fraction);
  const auto n = static_cast<int64_t>(files.size());
  const int side = options.side;
  set.images = Tensor({n, side, side, 3}, DType::u8);
  set.labels = Tensor({n}, DType::i32);
  const size_t image_bytes = size_t{3} * size_t(side) * size_t(side);
  const auto pixels = set.images.mutable_span<uint8_t>();
  const auto labels = set.labels.mutable_span<int32_t>();
  size_t at = 0;
  for (const int32_t i : shuffled(n, 0, 0)) {
    const LabelledFile& file = files[static_cast<size_t>(i)];
    fit_picture(read_picture(file.path), side, pixels.subspan(at * image_bytes, image_bytes));
    labels[at++] = file.label;
  }
  set.protocol =
      fmt::format("{}, {} {}images of {} classes", part.string(), n,
                  splits ? fmt::format("{} ", split == Split::test ? "test" : "training") : "",
                  set.classes.size());
  if (splits) set.protocol += fmt::format(" (test fraction {})", options.test_fraction);
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
