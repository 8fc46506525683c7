#include "tensor/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "tensor/error.h"

namespace gradus {
namespace {

// Linux transfers at most about 2 GiB in one call.
constexpr size_t kMaxTransfer = size_t{1} << 30;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  /// False, with errno set, where the system found a late error.
  bool close() {
    const int fd = fd_;
    fd_ = -1;
    return ::close(fd) == 0;
  }

 private:
  int fd_;
};

/// Removes the file unless it has been renamed away.
struct TemporaryFile {
  std::string path;
  bool renamed = false;
  ~TemporaryFile() {
    if (!renamed) ::unlink(path.c_str());
  }
};

[[noreturn]] void fail_to_write(const std::filesystem::path& path, const char* reason) {
  throw OutputError(fmt::format("{}: cannot be written: {}", path.string(), reason));
}

[[noreturn]] void fail_to_write(const std::filesystem::path& path) {
  fail_to_write(path, std::strerror(errno));
}

/// The file to replace: where `path` is a link, what it points to.
std::filesystem::path target_of(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return path;
  // Renaming over a device or a pipe would remove it.
  if (std::filesystem::is_directory(status)) fail_to_write(path, "it is a folder");
  if (!std::filesystem::is_regular_file(status)) fail_to_write(path, "it is not a regular file");
  auto target = std::filesystem::canonical(path, error);
  return error ? path : target;
}

/// Creates a file that was not there, named after `target`.
int create_beside(const std::filesystem::path& target, std::string& name) {
  constexpr int kAttempts = 100;
  for (int i = 0; i < kAttempts; ++i) {
    name = fmt::format("{}.{}-{}.tmp", target.string(), ::getpid(), i);
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), std::min(bytes.size(), kMaxTransfer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return true;
}

/// Makes the rename last; not every file system can, and the data is safe by then.
void sync_folder(const std::filesystem::path& folder) {
  const Descriptor fd(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.ok()) ::fsync(fd.get());
}

}  // namespace

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  // Opening a pipe without a writer would wait for one.
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  const bool there = fd.ok() || (errno != ENOENT && errno != ENOTDIR);
  if (!fd.ok() || ::fstat(fd.get(), &status) != 0) {
    const std::string message =
        fmt::format("{}: cannot be read: {}", path.string(), std::strerror(errno));
    if (there) throw ReadError(message);
    throw DataError(message);
  }
  require<DataError>(!S_ISDIR(status.st_mode), "{}: cannot be read: it is a folder", path.string());
  require<DataError>(S_ISREG(status.st_mode), "{}: cannot be read: it is not a regular file",
                     path.string());
  // One byte more than announced, so that the last call sees the end without another growth.
  std::vector<std::byte> bytes(static_cast<size_t>(status.st_size) + 1);
  size_t filled = 0;
  while (true) {
    if (filled == bytes.size()) bytes.resize(2 * bytes.size());
    const ssize_t n =
        ::read(fd.get(), bytes.data() + filled, std::min(bytes.size() - filled, kMaxTransfer));
    if (n < 0 && errno == EINTR) continue;
    require<ReadError>(n >= 0, "{}: cannot be read: {}", path.string(), std::strerror(errno));
    if (n == 0) break;
    filled += static_cast<size_t>(n);
  }
  bytes.resize(filled);
  return bytes;
}

void write_file(const std::filesystem::path& path,
                std::span<const std::span<const std::byte>> pieces) {
  const std::filesystem::path target = target_of(path);
  std::string name;
  Descriptor fd(create_beside(target, name));
  if (!fd.ok()) fail_to_write(path);
  TemporaryFile temporary{name};
  for (const auto piece : pieces)
    if (!write_all(fd.get(), piece)) fail_to_write(path);
  if (::fsync(fd.get()) != 0 || !fd.close()) fail_to_write(path);
  if (::rename(name.c_str(), target.c_str()) != 0) fail_to_write(path);
  temporary.renamed = true;
  sync_folder(target.parent_path());
}

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  const std::span<const std::byte> pieces[] = {bytes};
  write_file(path, std::span<const std::span<const std::byte>>(pieces));
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  write_file(path, std::as_bytes(std::span(text)));
}

std::string target_of_temporary(const std::string& name) {
  constexpr std::string_view kEnd = ".tmp", kDigits = "0123456789";
  if (!name.ends_with(kEnd)) return "";
  /// Where the character before the digits that end at `end` is, if it is this one.
  const auto before_digits = [&](size_t end, char expected) {
    const size_t at = end == 0 ? name.npos : name.find_last_not_of(kDigits, end - 1);
    return at != name.npos && at + 1 < end && name[at] == expected ? at : 0;
  };
  const size_t dash = before_digits(name.size() - kEnd.size(), '-');
  return name.substr(0, before_digits(dash, '.'));
}

GrowingFile::GrowingFile(const std::filesystem::path& path, Open open) : path_(path) {
  const int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_CREAT;
  fd_ = ::open(path.c_str(), flags | (open == Open::only_new ? O_EXCL : 0), 0666);
  if (fd_ < 0 && open == Open::only_new && errno == EEXIST) return;
  if (fd_ < 0) fail_to_write(path);
  size_ = ::lseek(fd_, 0, SEEK_END);
  if (size_ == 0) sync_folder(path.parent_path());
}

GrowingFile::GrowingFile(GrowingFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

GrowingFile& GrowingFile::operator=(GrowingFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  return *this;
}

GrowingFile::~GrowingFile() {
  if (fd_ >= 0) ::close(fd_);
}

void GrowingFile::append(std::string_view bytes) {
  if (!write_all(fd_, std::as_bytes(std::span(bytes)))) {
    const std::string reason = std::strerror(errno);
    const bool cut = ::ftruncate(fd_, size_) == 0;
    fail_to_write(path_,
                  (reason + (cut ? "" : "; it ends with a part of a line or record")).c_str());
  }
  size_ += static_cast<int64_t>(bytes.size());
}

void GrowingFile::sync() {
  // Not every file system can.
  if (::fdatasync(fd_) != 0 && errno != EINVAL && errno != ENOTSUP) fail_to_write(path_);
}

}  // namespace gradus
