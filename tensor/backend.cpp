#include "tensor/backend.h"

#include <atomic>

#include "tensor/cpu/cpu.h"

namespace gradus {
namespace {

std::atomic<Backend*> cpu_substitute = nullptr;

}  // namespace

Backend& backend(Device device) {
  require<DeviceError>(device.is_cpu(), "device {}: this build has no CUDA backend",
                       to_string(device));
  Backend* const substitute = cpu_substitute;
  return substitute ? *substitute : cpu::cpu_backend();
}

void substitute_cpu_backend(Backend* substitute) { cpu_substitute = substitute; }

}  // namespace gradus
