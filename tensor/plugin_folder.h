#pragma once

#include <filesystem>

namespace gradus {

/// Where plug-ins lie: beside the library that this is compiled into, or, where that is one for
/// newer processors (glibc-hwcaps/LEVEL), beside the one for any.
std::filesystem::path plugin_folder();

}  // namespace gradus
