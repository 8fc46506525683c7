#pragma once

#include <filesystem>

namespace gradus {

/// The checkout that the tests were built from, or $GRADUS_SOURCE_DIR where they were taken
/// elsewhere.
std::filesystem::path source_dir();

}  // namespace gradus
