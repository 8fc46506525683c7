#pragma once

#include <chrono>
#include <string>
#include <type_traits>

#include "tensor/kernel_contract.h"

namespace gradus {

class Backend;
class Profiler;

/// A kernel's call, from before it to after it: the one place that all of them pass. It sees that
/// the operands lie on the kernel's device, makes that the thread's, shows the call as a range and
/// times it while a Profiler lives. Where the backend asks for it (GRADUS_SYNC), it waits for the
/// kernel, so that a failure is reported by the call that it belongs to.
class KernelCall {
 public:
  KernelCall(Backend& on, const char* kernel);
  ~KernelCall();
  KernelCall(const KernelCall&) = delete;
  KernelCall& operator=(const KernelCall&) = delete;

  /// An argument of the call. Throws DeviceError where one of its tensors lies on another device.
  void look_at(const Tensor& operand);
  void look_at(const Epilogue& epilogue);
  void look_at(const Normalization& n);
  void look_at(const Draw& draw);
  void look_at(std::span<UpdateSlot> slots);
  void look_at(const UnaryFn& fn);
  void look_at(const Shape& shape);
  template <class T>
  void look_at(const T&) {
    static_assert(std::is_trivially_copyable_v<T>, "it may have tensors: say which, as above");
  }

  void begin();
  /// Not called where the kernel has thrown.
  void end();

 private:
  /// Throws DeviceError where it is on another device.
  void require_here(const Tensor& t) const;

  Backend& on_;
  const char* kernel_;
  Profiler* profiler_;  ///< null where none lives
  std::string what_;    ///< what the profiler calls it: the kernel and the shapes, each once
  std::chrono::steady_clock::time_point start_;
};

}  // namespace gradus
