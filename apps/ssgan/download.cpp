#include "apps/ssgan/download.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "nn/data/md5.h"
#include "tensor/error.h"

namespace gradus::ssgan {
namespace {

namespace fs = std::filesystem;

/// Runs curl, which appends to `part` and reports on stderr; its exit status.
int curl(const std::string& url, const fs::path& part) {
  std::vector<std::string> words{"curl",
                                 "--fail",
                                 "--location",
                                 "--proto",
                                 "=http,https",
                                 "--connect-timeout",
                                 "30",
                                 "--speed-time",
                                 "60",
                                 "--continue-at",
                                 "-",
                                 "--output",
                                 part.string(),
                                 "--url",
                                 url};
  if (isatty(STDERR_FILENO))
    words.push_back("--progress-bar");
  else
    words.insert(words.end(), {"--silent", "--show-error"});
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, "curl", nullptr, nullptr, argv.data(), environ);
  require(error == 0, "curl, which downloads, cannot be started (install the package curl): {}",
          std::strerror(error));
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  require<OutputError>(!error, "{}: cannot be made: {}", folder.string(), error.message());
}

}  // namespace

void download(const std::string& url, const std::string& md5, const fs::path& path) {
  if (!path.parent_path().empty()) make_folder(path.parent_path());
  const fs::path part = path.string() + ".part";
  const bool resumes = fs::exists(part);
  int status = curl(url, part);
  // A server that cannot go on from there, or a part of something else: from the start, once.
  constexpr int kHttpError = 22, kRangeError = 33;
  if (resumes &&
      (status == kHttpError || status == kRangeError || (status == 0 && md5_of(part) != md5))) {
    fs::remove(part);
    status = curl(url, part);
  }
  require(status == 0,
          "{}: the download failed (curl's exit status is {}); a second try goes on "
          "where this one stopped",
          url, status);
  const std::string found = md5_of(part);
  if (found != md5) fs::remove(part);
  require<DataError>(found == md5,
                     "{}: its MD5 is {}, but the official file's is {}; nothing is kept", url,
                     found, md5);
  std::error_code error;
  fs::rename(part, path, error);
  require<OutputError>(!error, "{}: cannot be written: {}", path.string(), error.message());
}

}  // namespace gradus::ssgan
