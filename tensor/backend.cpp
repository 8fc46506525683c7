#include "tensor/backend.h"

#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <string_view>

#include "tensor/cpu/cpu.h"
#include "tensor/cuda_plugin.h"

namespace gradus {
namespace {

constexpr int kMaxDevices = 32;

// Never destroyed: tensors in static storage may outlive main.
std::array<std::atomic<Backend*>, kMaxDevices> cuda_backends;

std::atomic<Backend*>& slot(Device device) {
  require<DeviceError>(device.index >= 0 && device.index < kMaxDevices,
                       "device {}: expected an index within [0, {})", to_string(device),
                       kMaxDevices);
  return cuda_backends[device.index];
}

}  // namespace

void KernelContract::activate(const Activation& activation, Tensor& y) {
  std::visit(
      [&](auto f) {
        if constexpr (!std::is_same_v<decltype(f), Identity>) unary(f, y, y);
      },
      activation);
}

Backend::Backend()
    : waits_([] {
        const char* v = std::getenv("GRADUS_SYNC");
        return v && std::string_view(v) == "1";
      }()) {}

Backend& backend(Device device) {
  if (device.is_cpu()) return cpu::cpu_backend();
  std::atomic<Backend*>& made = slot(device);
  if (Backend* b = made.load(std::memory_order_acquire)) return *b;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (!made.load()) install_backend(device, make_cuda_backend(device.index));
  return *made.load();
}

void install_backend(Device device, std::unique_ptr<Backend> made) {
  require<DeviceError>(!device.is_cpu(), "install_backend: the CPU has its backend");
  made->device_ = device;
  Backend* expected = nullptr;
  require<DeviceError>(slot(device).compare_exchange_strong(expected, made.get()),
                       "install_backend: {} has a backend", to_string(device));
  static_cast<void>(made.release());  // the slot has it
}

}  // namespace gradus
