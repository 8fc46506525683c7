#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cuda/kernels.h"
#include "cuda/recorder.h"
#include "tensor/cpu/memory.h"

namespace gradus::cuda::emulation {

/// The CUDA backend without a card: our kernels run on the CPU, thread by thread, on the host's
/// memory; matrix products and convolutions, which are a library's on a card, are the CPU
/// reference's. For tests.
class Emulated final : public Kernels {
 public:
  ~Emulated() override { forget_small_work(); }
  void* allocate(size_t bytes) override { return memory_.allocate(bytes); }
  void release(void* p) noexcept override {
    if (!still_uses(p)) memory_.release(p);
  }
  CachingAllocator& allocator() override { return memory_.allocator(); }
  void copy_from_host(const void* host, void* device, size_t bytes) override;
  void copy_to_host(const void* device, void* host, size_t bytes) override;
  void copy(const void* from, void* to, size_t bytes) override;
  std::unique_ptr<Recording> record(std::function<void()> work) override;
  bool host_may_read() const override { return !recorder_.is_running(); }
  void begin_range(const char* name) override;
  void end_range() noexcept override { --depth_; }
  std::string describe() const override { return "cuda kernels, emulated on the CPU"; }
  void configure(const BackendOptions& options) override { graphs_ = options.graphs; }

  void matmul(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b,
              Tensor& c) override;
  void conv(const ConvParams& p, const Tensor& x, const Tensor& w, const Epilogue& epilogue,
            Tensor& y) override;
  void conv_grad_input(const ConvParams& p, const Tensor& w, const Tensor& dy,
                       const Epilogue& epilogue, Tensor& dx) override;
  void conv_grad_weight(const ConvParams& p, const Tensor& x, const Tensor& dy,
                        Tensor& dw) override;

  void wait(const char*) override { launch_small_work(); }

  cpu::Memory& memory() { return memory_; }
  /// Whether small work waits to be launched together, as it does at the start.
  void postpone(bool on) {
    launch_small_work();
    postpones_ = on;
  }
  /// Ranges that began since the last call, each indented by those around it.
  std::vector<std::string> take_ranges() { return std::exchange(ranges_, {}); }

 private:
  cpu::Memory memory_;
  Recorder recorder_{memory_.allocator(), [this] { launch_small_work(); }};
  bool graphs_ = true;
  std::vector<std::string> ranges_;
  size_t depth_ = 0;
};

/// Where `emulated()` is registered as a device.
inline constexpr Device kEmulated{DeviceKind::cuda, 31};

/// The one emulated backend, registered at the first call.
Emulated& emulated();

/// The names of the kernels that were launched since the program's start, with repeats left out.
const std::set<std::string>& launched_kernels();

}  // namespace gradus::cuda::emulation
