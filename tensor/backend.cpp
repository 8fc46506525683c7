#include "tensor/backend.h"

#include "tensor/cpu/cpu.h"

namespace gradus {

Backend& backend(Device device) {
  require<DeviceError>(device.is_cpu(), "device {}: this build has no CUDA backend",
                       to_string(device));
  return cpu::cpu_backend();
}

}  // namespace gradus
