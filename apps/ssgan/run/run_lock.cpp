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
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(fd_);
  throw OutputError(fmt::format("{}: another process is writing the run there", folder.string()));
}

RunLock::~RunLock() { ::close(fd_); }

}  // namespace gradus::ssgan
