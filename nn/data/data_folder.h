#pragma once

#include <filesystem>
#include <optional>

namespace gradus {

/// The folder to look for data in: `data_dir` where given, else $GRADUS_DATA, else
/// ${XDG_CACHE_HOME:-$HOME/.cache}/gradus. It may not exist: who reads says so. Throws DataError
/// where none of these is set.
std::filesystem::path data_folder(const std::optional<std::filesystem::path>& data_dir);

}  // namespace gradus
