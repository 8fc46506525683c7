#include "apps/ssgan/run/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tensor/error.h"

namespace gradus::ssgan {

// The folder itself is locked: no file of ours has to stay, and a run that is moved keeps its lock.
RunLock::RunLock(const std::filesystem::path& folder)
    : fd_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  require<OutputError>(fd_ >= 0, "{}: cannot be opened: {}", folder.string(), std::strerror(errno));
  // A moment later once more: somebody may just have looked whether it is free (is_held).
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::usleep(50'000);
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(fd_);
  throw OutputError(fmt::format("{}: another process is writing the run there", folder.string()));
}

bool RunLock::is_held(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool held = ::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(fd);
  return held;
}

RunLock::~RunLock() { ::close(fd_); }

}  // namespace gradus::ssgan
