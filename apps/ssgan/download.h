#pragma once

#include <filesystem>
#include <string>

namespace gradus::ssgan {

/// Downloads `url` to `path` by the program curl. What has come lies in `path`.part, from where a
/// later call goes on; with the MD5 checksum `md5` it becomes `path`. Throws Error where curl is
/// missing or fails, OutputError where the folder or `path` cannot be made, DataError for another
/// checksum; `path`.part is removed then.
void download(const std::string& url, const std::string& md5, const std::filesystem::path& path);

}  // namespace gradus::ssgan
