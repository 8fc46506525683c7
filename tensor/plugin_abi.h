#pragma once

#include <cstdint>

namespace gradus {

/// The same in a plug-in and in the library that it was built with: a hash of the headers that say
/// what they share (cmake/plugin_abi.cmake).
inline constexpr uint64_t kPluginAbi = GRADUS_PLUGIN_ABI;

}  // namespace gradus
