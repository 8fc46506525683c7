#include "apps/ssgan/report/tensorboard.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "apps/ssgan/report/tensorboard_records.h"
#include "tensor/error.h"

namespace gradus::ssgan {
namespace {

double now() {
  using Seconds = std::chrono::duration<double>;
  return Seconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  std::ranges::replace(name, '/', '_');
  return name.data();
}

}  // namespace

TensorBoardWriter::TensorBoardWriter(const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  require<OutputError>(!error, "{}: the folder cannot be created: {}", dir.string(),
                       error.message());
  const double time = now();
  const std::string stem = fmt::format("events.out.tfevents.{:010}.{}.{}",
                                       static_cast<int64_t>(time), host_name(), ::getpid());
  // Two writers of one process may start in the same second.
  constexpr int kAttempts = 1000;
  for (int n = 0; n < kAttempts && fd_ < 0; ++n) {
    path_ = dir / fmt::format("{}.{}", stem, n);
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    if (fd_ < 0 && errno != EEXIST) break;
  }
  require<OutputError>(fd_ >= 0, "{}: cannot be created: {}", path_.string(), std::strerror(errno));
  try {
    append(file_version_record(time));
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

TensorBoardWriter::~TensorBoardWriter() { ::close(fd_); }

void TensorBoardWriter::scalar(const std::string& tag, double value, int64_t step) {
  append(scalar_record(tag, value, step, now()));
}

void TensorBoardWriter::image(const std::string& tag, std::span<const uint8_t> png, int width,
                              int height, int64_t step) {
  append(image_record(tag, png, width, height, step, now()));
}

void TensorBoardWriter::flush() {
  const bool ok = ::fdatasync(fd_) == 0 || errno == EINVAL || errno == ENOTSUP;
  require<OutputError>(ok, "{}: cannot be written: {}", path_.string(), std::strerror(errno));
}

void TensorBoardWriter::append(std::string_view record) {
  const int64_t whole = size_ + static_cast<int64_t>(record.size());
  // One call takes it all unless the disk fills up or a signal comes.
  while (!record.empty()) {
    const ssize_t n = ::write(fd_, record.data(), record.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int reason = errno;
      const char* left = ::ftruncate(fd_, size_) == 0 ? "" : "; it ends with a partial record";
      throw OutputError(
          fmt::format("{}: cannot be written: {}{}", path_.string(), std::strerror(reason), left));
    }
    record.remove_prefix(static_cast<size_t>(n));
  }
  size_ = whole;
}

}  // namespace gradus::ssgan
