#pragma once

#include <cstdint>
#include <string>

#include "tensor/error.h"
#include "tensor/print.h"

namespace gradus {

enum class DeviceKind : uint8_t { cpu, cuda };

/// Where a tensor's bytes lie: the host, or the CUDA device of that index.
struct Device {
  DeviceKind kind = DeviceKind::cpu;
  int index = 0;

  bool is_cpu() const { return kind == DeviceKind::cpu; }
  bool operator==(const Device&) const = default;
};

inline constexpr Device kCpu{};

/// "cpu", "cuda:0".
inline std::string to_string(const Device& d) {
  return d.is_cpu() ? "cpu" : fmt::format("cuda:{}", d.index);
}
template <>
inline constexpr bool kPrinted<Device> = true;

}  // namespace gradus
