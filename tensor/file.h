#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/error.h"

namespace gradus {

/// A file that is there, but that the system does not read.
struct ReadError : DataError {
  using DataError::DataError;
};

/// The whole file. Throws ReadError, with the system's reason, where it is there but cannot be
/// read, else DataError. Pipes and devices, which may have no end, are refused.
std::vector<std::byte> read_file(const std::filesystem::path& path);

/// Puts `pieces`, one after the other, in the place of `path`: written to a temporary file beside
/// it, flushed to the disk, then renamed, so that a reader sees the earlier file or the new one,
/// never a part. On failure throws OutputError with the system's reason; the earlier file is as it
/// was, and no temporary file stays. A symbolic link stays a link. A limit on file sizes is
/// reported only where SIGXFSZ is ignored.
void write_file(const std::filesystem::path& path,
                std::span<const std::span<const std::byte>> pieces);
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_file(const std::filesystem::path& path, std::string_view text);
/// Of "NAME.4711-0.tmp", as write_file names its temporary files, which stay where the program is
/// killed: "NAME". Of any other name: "".
std::string target_of_temporary(const std::string& file_name);

/// A file that grows at its end. What cannot be written throws OutputError with the system's
/// reason.
class GrowingFile {
 public:
  enum class Open { new_or_old, only_new };
  /// With Open::only_new, a file that is there gives errno EEXIST and a file that is not open.
  explicit GrowingFile(const std::filesystem::path& path, Open open = Open::new_or_old);
  GrowingFile(GrowingFile&& other) noexcept;
  GrowingFile& operator=(GrowingFile&& other) noexcept;
  ~GrowingFile();

  const std::filesystem::path& path() const { return path_; }
  bool is_open() const { return fd_ >= 0; }
  int64_t size() const { return size_; }  ///< bytes
  /// All of it is in the file when the call returns, for other programs to read, or, where it
  /// throws, nothing: the message says so where a part had to stay.
  void append(std::string_view bytes);
  /// Waits until the disk has what was appended.
  void sync();

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  int64_t size_ = 0;
};

}  // namespace gradus
