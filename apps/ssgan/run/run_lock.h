#pragma once

#include <filesystem>

namespace gradus::ssgan {

/// That no other process writes the run in a folder. The system drops it with the process, however
/// that ends. Where the file system knows no locks there is none.
class RunLock {
 public:
  /// Throws OutputError where another process has it, or where the folder cannot be opened.
  explicit RunLock(const std::filesystem::path& folder);
  ~RunLock();
  /// Whether another process has the folder's lock by now; false where it cannot be told.
  static bool is_held(const std::filesystem::path& folder);
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int fd_;
};

}  // namespace gradus::ssgan
