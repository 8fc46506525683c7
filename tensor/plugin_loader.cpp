#include "tensor/plugin_loader.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>

#include "tensor/plugin_abi.h"

namespace gradus {

std::string plugin_path(const char* name) {
  Dl_info here{};
  dladdr(reinterpret_cast<const void*>(&plugin_path), &here);
  std::filesystem::path folder = std::filesystem::path(here.dli_fname).parent_path();
  if (folder.parent_path().filename() == "glibc-hwcaps")
    folder = folder.parent_path().parent_path();
  const std::filesystem::path path = folder / name;
  return std::filesystem::exists(path) ? path.string() : "";
}

const void* open_plugin(const std::string& path, const char* entry, int flags, const char* what,
                        std::string& reason) {
  void* const library = dlopen(path.c_str(), flags);
  if (!library) {
    reason = fmt::format("{} cannot be loaded: {}", what, dlerror());
    return nullptr;
  }
  const auto give = reinterpret_cast<const void* (*)()>(dlsym(library, entry));
  if (!give) {
    reason = fmt::format("{} is no Gradus plug-in", path);
    return nullptr;
  }
  const void* const plugin = give();
  const uint64_t abi = *static_cast<const uint64_t*>(plugin);
  if (abi == kPluginAbi) return plugin;
  reason =
      fmt::format("{} has plug-in interface {:016x}, this library {:016x}", path, abi, kPluginAbi);
  return nullptr;
}

}  // namespace gradus
