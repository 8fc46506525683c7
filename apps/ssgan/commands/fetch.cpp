#include <CLI/CLI.hpp>
#include <memory>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/data/download.h"
#include "apps/ssgan/say.h"
#include "apps/ssgan/utf8.h"
#include "nn/data/data_folder.h"
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

struct FetchRequest {
  std::optional<std::filesystem::path> data_dir;  ///< else nn/data/data_folder.h
  std::string url = "http://ufldl.stanford.edu/housenumbers";
  bool extra = false;
};

/// Downloads SVHN's files that are not there and prints where they are. Throws DataError where one
/// that is there is not the official one, and as download.
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
      say("{}\n", printable(url));
      download(url, official_md5(split), path, limits_of(split));
    }
    fmt::print("{}\n", printable(path.string()));
  }
  return kDone;
}

}  // namespace

void add_fetch(CLI::App& data, Chosen& chosen) {
  struct Flags {
    std::string data_dir;
    FetchRequest request;
  };
  CLI::App* app = add_command(data, "fetch", "Download SVHN's files (for non-commercial use)",
                              "ssgan data fetch --data-dir ~/svhn");
  auto f = std::make_shared<Flags>();
  app->add_option("--data-dir", f->data_dir,
                  "Folder to put them into (else $GRADUS_DATA, else ~/.cache/gradus)");
  app->add_option("--url", f->request.url, "Folder to take them from")->capture_default_str();
  app->add_flag("--extra", f->request.extra, "The 531,131 further images, too (1.3 GB)");
  app->callback([app, f, &chosen] {
    chosen = [app, f] {
      const auto* of_data = app->get_parent()->get_option("--data-dir");  // data --data-dir D fetch
      if (f->data_dir.empty() && of_data->count()) f->data_dir = of_data->as<std::string>();
      if (!f->data_dir.empty()) f->request.data_dir = f->data_dir;
      return fetch(f->request);
    };
  });
}

}  // namespace gradus::ssgan
