#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/download.h"
#include "nn/data/folders.h"
#include "nn/data/md5.h"
#include "nn/data/svhn.h"

namespace gradus::ssgan {
namespace {

/// Twice what the official file has, roughly.
DownloadLimits limits_of(SvhnSplit split) {
  constexpr int64_t kMega = 1 << 20;
  switch (split) {
    case SvhnSplit::train:
      return {.most_bytes = 400 * kMega};
    case SvhnSplit::test:
      return {.most_bytes = 150 * kMega};
    default:
      return {.most_bytes = 3000 * kMega};
  }
}

}  // namespace

int fetch(const FetchRequest& r) {
  const std::filesystem::path dir = data_folder(r.data_dir);
  std::vector<SvhnSplit> splits{SvhnSplit::train, SvhnSplit::test};
  if (r.extra) splits.push_back(SvhnSplit::extra);
  for (const SvhnSplit split : splits) {
    const std::filesystem::path path = dir / file_name(split);
    std::error_code error;
    if (std::filesystem::exists(path, error)) {
      const std::string md5 = md5_of(path);
      require<DataError>(md5 == official_md5(split),
                         "{}: it is there, but its MD5 {} is not the official file's; move it away "
                         "to have that one",
                         path.string(), md5);
    } else {
      const std::string url = fmt::format("{}/{}", r.url, file_name(split));
      fmt::print(stderr, "{}\n", url);
      download(url, official_md5(split), path, limits_of(split));
    }
    fmt::print("{}\n", path.string());
  }
  return kDone;
}

}  // namespace gradus::ssgan
