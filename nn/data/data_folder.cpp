#include "nn/data/data_folder.h"

#include <cstdlib>
#include <string>

#include "tensor/error.h"

namespace gradus {
namespace {

/// Empty where the variable is not set.
std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

std::filesystem::path data_folder(const std::optional<std::filesystem::path>& data_dir) {
  if (data_dir) return *data_dir;
  if (const auto dir = environment("GRADUS_DATA"); !dir.empty()) return dir;
  // The XDG base directory specification: a path that is not absolute is ignored.
  if (const std::filesystem::path cache = environment("XDG_CACHE_HOME"); cache.is_absolute())
    return cache / "gradus";
  const std::string home = environment("HOME");
  require<DataError>(!home.empty(),
                     "no folder to look for data in: give --data-dir or set GRADUS_DATA");
  return std::filesystem::path(home) / ".cache" / "gradus";
}

}  // namespace gradus
