#include "tensor/cuda_plugin.h"

#include <dlfcn.h>

#include <filesystem>

#include "tensor/plugin_abi.h"

namespace gradus {
namespace {

struct Loaded {
  const CudaPlugin* plugin = nullptr;
  std::string reason;
};

/// The plug-in lies beside the library that holds this function, or, where that is one for newer
/// processors (glibc-hwcaps/LEVEL), beside the one for any.
std::filesystem::path plugin_path() {
  Dl_info here{};
  dladdr(reinterpret_cast<const void*>(&plugin_path), &here);
  std::filesystem::path folder = std::filesystem::path(here.dli_fname).parent_path();
  if (folder.parent_path().filename() == "glibc-hwcaps")
    folder = folder.parent_path().parent_path();
  return folder / "libgradus_cuda.so";
}

Loaded load() {
  const std::filesystem::path path = plugin_path();
  if (!std::filesystem::exists(path)) return {nullptr, "this build has no CUDA backend"};
  if (!dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL))
    return {nullptr, fmt::format("no NVIDIA driver: {}", dlerror())};
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return {nullptr, fmt::format("the CUDA backend cannot be loaded: {}", dlerror())};
  const auto entry =
      reinterpret_cast<const CudaPlugin* (*)()>(dlsym(library, "gradus_cuda_plugin"));
  if (!entry) return {nullptr, fmt::format("{} is no Gradus plug-in", path.string())};
  const CudaPlugin* plugin = entry();
  if (plugin->abi != kPluginAbi)
    return {nullptr, fmt::format("{} has plug-in interface {:016x}, this library {:016x}",
                                 path.string(), plugin->abi, kPluginAbi)};
  std::string reason;
  if (plugin->device_count(reason) == 0) return {nullptr, reason};
  return {plugin, ""};
}

const Loaded& loaded() {
  static const Loaded once = load();
  return once;
}

}  // namespace

CudaReport cuda_report() {
  CudaReport report{GRADUS_CUDA_BUILD, 0, "", loaded().reason};
  if (const CudaPlugin* plugin = loaded().plugin) {
    try {
      report.device = plugin->describe(0);
      report.devices = plugin->device_count(report.reason);
    } catch (const DeviceError& e) {
      report.reason = e.what();
    }
  }
  return report;
}

std::unique_ptr<Backend> make_cuda_backend(int index) {
  const auto& [plugin, reason] = loaded();
  require<DeviceError>(plugin, "device cuda:{}: {}", index, reason);
  std::string why;
  const int count = plugin->device_count(why);
  require<DeviceError>(index < count, "device cuda:{}: this machine has {} CUDA device{}", index,
                       count, count == 1 ? "" : "s");
  std::unique_ptr<Backend> made(plugin->make(index, why));
  require<DeviceError>(made != nullptr, "device cuda:{}: {}", index, why);
  return made;
}

}  // namespace gradus
