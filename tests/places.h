#pragma once

#include <filesystem>

namespace gradus {

/// The checkout that the tests were built from.
std::filesystem::path source_dir();

}  // namespace gradus
