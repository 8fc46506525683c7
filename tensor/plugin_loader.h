#pragma once

#include <string>

namespace gradus {

/// Where the plug-in of this name lies: beside the library that this is compiled into, or, where
/// that is one for newer processors (glibc-hwcaps/LEVEL), beside the one for any. Empty where there
/// is none.
std::string plugin_path(const char* name);

/// What the plug-in's C function `entry` gives; null with the reason where it cannot be opened
/// ("`what` cannot be loaded: ..."), has no such function or is of another interface. `flags` are
/// dlopen's. What is given begins with its kPluginAbi.
const void* open_plugin(const std::string& path, const char* entry, int flags, const char* what,
                        std::string& reason);

}  // namespace gradus
