#include "tensor/backend.h"

#include <array>
#include <atomic>
#include <mutex>

#include "tensor/cpu/cpu.h"
#include "tensor/cuda_plugin.h"

namespace gradus {
namespace {

constexpr int kMaxDevices = 32;

// Never destroyed: tensors in static storage may outlive main.
std::array<std::atomic<Backend*>, kMaxDevices> cuda_backends;
std::atomic<Backend*> cpu_substitute = nullptr;

std::atomic<Backend*>& slot(Device device) {
  require<DeviceError>(device.index >= 0 && device.index < kMaxDevices,
                       "device {}: expected an index within [0, {})", to_string(device),
                       kMaxDevices);
  return cuda_backends[device.index];
}

}  // namespace

void Backend::activate(const Activation& activation, Tensor& y) {
  std::visit(
      [&](auto f) {
        if constexpr (!std::is_same_v<decltype(f), Identity>) unary(f, y, y);
      },
      activation);
}

Backend& backend(Device device) {
  if (device.is_cpu()) {
    Backend* const substitute = cpu_substitute;
    return substitute ? *substitute : cpu::cpu_backend();
  }
  std::atomic<Backend*>& made = slot(device);
  if (Backend* b = made.load(std::memory_order_acquire)) return *b;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (!made.load()) made.store(make_cuda_backend(device.index).release());
  return *made.load();
}

void install_backend(Device device, std::unique_ptr<Backend> made) {
  require<DeviceError>(!device.is_cpu(), "install_backend: the CPU has its backend");
  Backend* expected = nullptr;
  require<DeviceError>(slot(device).compare_exchange_strong(expected, made.get()),
                       "install_backend: {} has a backend", to_string(device));
  static_cast<void>(made.release());  // the slot has it
}

void substitute_cpu_backend(Backend* substitute) { cpu_substitute = substitute; }

}  // namespace gradus
