#include "tensor/cuda_plugin.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "tensor/communicator.h"
#include "tensor/plugin_loader.h"

namespace gradus {

namespace {

struct Loaded {
  const CudaPlugin* plugin = nullptr;
  std::string reason;
};

/// Opens the driver's library from folders that are named in full: those of LD_LIBRARY_PATH, then
/// the system's. The loader would take an empty or relative name there for the current folder,
/// where anybody's files may lie. Null: dlerror() says why.
void* open_driver() {
  constexpr const char* kName = "libcuda.so.1";
  constexpr int kHow = RTLD_LAZY | RTLD_LOCAL;
  const char* set = std::getenv("LD_LIBRARY_PATH");
  bool in_full = true;
  for (std::string_view rest = set ? set : ""; !rest.empty();) {
    const size_t end = rest.find_first_of(":;");
    const std::filesystem::path folder = rest.substr(0, end);
    in_full &= folder.is_absolute() && end + 1 != rest.size();
    if (folder.is_absolute())
      if (void* driver = dlopen((folder / kName).c_str(), kHow)) return driver;
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  }
  if (in_full) return dlopen(kName, kHow);
  for (const char* folder : {"/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/lib64"})
    if (void* driver = dlopen((std::filesystem::path(folder) / kName).c_str(), kHow)) return driver;
  return nullptr;
}

Loaded load() {
  const std::string path = plugin_path("libgradus_cuda.so");
  if (path.empty()) return {nullptr, "this build has no CUDA backend"};
  if (!open_driver()) return {nullptr, fmt::format("no NVIDIA driver: {}", dlerror())};
  std::string reason;
  const auto* plugin = static_cast<const CudaPlugin*>(
      open_plugin(path, "gradus_cuda_plugin", RTLD_NOW | RTLD_LOCAL, "the CUDA backend", reason));
  if (!plugin || plugin->device_count(reason) == 0) return {nullptr, reason};
  return {plugin, ""};
}

const Loaded& loaded() {
  static const Loaded once = load();
  return once;
}

}  // namespace

CudaReport cuda_report() {
  CudaReport report{GRADUS_CUDA_BUILD, 0, "", loaded().reason, "none: no CUDA device"};
  if (const CudaPlugin* plugin = loaded().plugin) {
    try {
      report.device = plugin->describe(0);
      report.devices = plugin->device_count(report.reason);
      report.nccl = plugin->nccl();
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
  require<DeviceError>(count > 0, "device cuda:{}: {}", index, why);
  require<DeviceError>(index < count, "device cuda:{}: this machine has {} CUDA device{}", index,
                       count, count == 1 ? "" : "s");
  std::unique_ptr<Backend> made(plugin->make(index, why));
  require<DeviceError>(made != nullptr, "device cuda:{}: {}", index, why);
  return made;
}

std::unique_ptr<Communicator> ranks_of_devices(Communicator& hosts, Device device) {
  Backend& on = backend(device);
  std::string why;
  std::unique_ptr<Communicator> made(loaded().plugin->share(hosts, on, why));
  require<DeviceError>(made != nullptr, "{}: {}", to_string(device), why);
  return made;
}

}  // namespace gradus
