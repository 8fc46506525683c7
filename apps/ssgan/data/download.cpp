#include "apps/ssgan/data/download.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "nn/data/md5.h"
#include "tensor/error.h"

namespace gradus::ssgan {
namespace {

namespace fs = std::filesystem;

/// The file that is downloaded to, open for appending. A symbolic link in its place might lead
/// anywhere and is refused.
class Part {
 public:
  explicit Part(const fs::path& path)
      : path_(path),
        file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0666)) {
    require<OutputError>(
        file_ >= 0, "{}: {}", path.string(),
        errno == ELOOP ? "is a symbolic link, which is not followed" : std::strerror(errno));
  }
  ~Part() { ::close(file_); }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  int64_t size() const { return ::lseek(file_, 0, SEEK_END); }
  void append(const char* bytes, size_t n) {
    while (n > 0) {
      const ssize_t written = ::write(file_, bytes, n);
      if (written < 0 && errno == EINTR) continue;
      require<OutputError>(written >= 0, "{}: {}", path_.string(), std::strerror(errno));
      bytes += written;
      n -= static_cast<size_t>(written);
    }
  }

 private:
  fs::path path_;
  int file_;
};

/// curl, writing to a pipe. It ends with this object, and with this process.
class Curl {
 public:
  explicit Curl(std::vector<std::string> words) {
    std::vector<char*> argv;
    for (std::string& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    std::array<int, 2> ends{};
    require(::pipe2(ends.data(), O_CLOEXEC) == 0, "curl: no pipe: {}", std::strerror(errno));
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);
      if (::getppid() == parent && ::dup2(ends[1], STDOUT_FILENO) >= 0)
        ::execvp(argv[0], argv.data());
      ::_exit(kNotStarted);
    }
    const int error = errno;
    ::close(ends[1]);
    from_ = ends[0];
    if (pid_ < 0) ::close(from_);
    require(pid_ > 0, "curl, which downloads, cannot be started: {}", std::strerror(error));
  }
  ~Curl() {
    if (pid_ > 0) ::kill(pid_, SIGTERM);
    wait();
  }
  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;

  /// Some of what it writes; 0 at the end.
  size_t read(std::span<char> buffer) {
    ssize_t n = 0;
    do n = ::read(from_, buffer.data(), buffer.size());
    while (n < 0 && errno == EINTR);
    return n > 0 ? static_cast<size_t>(n) : 0;
  }
  /// Waits for it; its exit status.
  int end() {
    wait();
    require(status_ != kNotStarted,
            "curl, which downloads, cannot be started: install the package curl");
    return status_;
  }

 private:
  void wait() {
    if (pid_ <= 0) return;
    ::close(from_);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  static constexpr int kNotStarted = 127;  // none of curl's own
  pid_t pid_ = 0;
  int from_ = -1, status_ = 0;
};

struct Fetched {
  int status;  ///< curl's exit status
  int http;    ///< the server's last answer, 0 for none
};

/// Appends what is missing of `url` to `path`.
Fetched fetch(const std::string& url, const fs::path& path, const DownloadLimits& limits) {
  Part part(path);
  int64_t size = part.size();
  std::vector<std::string> words{"curl",
                                 "--fail",
                                 "--location",
                                 "--max-redirs",
                                 "5",
                                 "--proto",
                                 "=http,https",
                                 "--globoff",
                                 "--connect-timeout",
                                 "30",
                                 "--speed-limit",
                                 std::to_string(limits.least_speed),
                                 "--speed-time",
                                 std::to_string(limits.slow_seconds),
                                 "--max-filesize",
                                 std::to_string(limits.most_bytes)};
  if (isatty(STDERR_FILENO))
    words.emplace_back("--progress-bar");
  else
    words.insert(words.end(), {"--silent", "--show-error"});
  if (size > 0) words.insert(words.end(), {"--continue-at", std::to_string(size)});
  // Behind the file curl writes the status that the server answered with.
  constexpr size_t kStatusDigits = 3;
  words.insert(words.end(), {"--write-out", "%{http_code}", "--url", url});
  Curl curl(std::move(words));
  std::vector<char> buffer(1 << 16);
  std::string held;  // the last bytes so far, which may be that
  while (const size_t n = curl.read(buffer)) {
    held.append(buffer.data(), n);
    const size_t ready = held.size() - std::min(held.size(), kStatusDigits);
    size += static_cast<int64_t>(ready);
    if (size > limits.most_bytes) break;
    part.append(held.data(), ready);
    held.erase(0, ready);
  }
  constexpr int kTooLarge = 63;
  const int status = size > limits.most_bytes ? kTooLarge : curl.end();
  if (status == kTooLarge) fs::remove(path);
  require<DataError>(status != kTooLarge, "{}: has more than {} bytes; nothing is kept", url,
                     limits.most_bytes);
  return {status, std::atoi(held.c_str())};
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  require<OutputError>(!error, "{}: cannot be made: {}", folder.string(), error.message());
}

}  // namespace

void download(const std::string& url, const std::string& md5, const fs::path& path,
              const DownloadLimits& limits) {
  if (!path.parent_path().empty()) make_folder(path.parent_path());
  const fs::path part = path.string() + ".part";
  const bool resumes = fs::exists(part) && fs::file_size(part) > 0;
  auto [status, http] = fetch(url, part, limits);
  // A server that cannot go on from there, or a part of something else: from the start, once.
  constexpr int kTimeOut = 28, kRangeError = 33, kRangeNotSatisfiable = 416;
  if (resumes && (http == kRangeNotSatisfiable || status == kRangeError ||
                  (status == 0 && md5_of(part) != md5))) {
    fs::remove(part);
    status = fetch(url, part, limits).status;
  }
  if (status != 0 && fs::is_empty(part)) fs::remove(part);
  require(status != kTimeOut,
          "{}: no connection, or less than {} bytes a second for {} s; a second try goes on where "
          "this one stopped",
          url, limits.least_speed, limits.slow_seconds);
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
