#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace gradus::ssgan {

struct DownloadLimits {
  int64_t most_bytes;             ///< that the file may have
  int64_t least_speed = 1 << 10;  ///< bytes a second
  int slow_seconds = 30;          ///< for which it may be slower than that
};

/// Downloads `url`, taken as it is, to `path` by the program curl. What has come lies in
/// `path`.part, from where a later call goes on; with the MD5 checksum `md5` it becomes `path`.
/// Throws Error where curl is missing or fails, or the server is too slow; OutputError where the
/// folder, `path`.part (which may not be a symbolic link) or `path` cannot be made; DataError for
/// another checksum or too many bytes, and `path`.part is removed then. However this process ends,
/// curl ends with it.
void download(const std::string& url, const std::string& md5, const std::filesystem::path& path,
              const DownloadLimits& limits);

}  // namespace gradus::ssgan
