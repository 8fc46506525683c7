#pragma once

#include <iostream>
#include <optional>

#include "tensor/cuda_plugin.h"

namespace gradus {

/// The first CUDA device; none, with a line that says why, where this machine has none.
inline std::optional<Device> cuda_device() {
  const CudaReport report = cuda_report();
  if (report.devices > 0) return Device{DeviceKind::cuda, 0};
  std::cout << "skipped: no CUDA device: " << report.reason << "\n";
  return {};
}

}  // namespace gradus
