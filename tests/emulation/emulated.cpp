#include "tests/emulation/emulated.h"

#include <cstring>

#include "cuda/launch.h"
#include "tensor/cpu/cpu.h"

namespace gradus::cuda::emulation {
namespace {

std::set<std::string> kernel_names;

/// Calls the work again: what a card would do by replaying its graph, with the same rules.
class CalledAgain final : public Recorder::Graph {
 public:
  void capture(const std::function<void()>& work) override { work_ = work; }
  void replay() override { work_(); }

 private:
  std::function<void()> work_;
};

}  // namespace

void Emulated::begin_range(const char* name) {
  ranges_.push_back(std::string(2 * depth_++, ' ') + name);
}

void Emulated::copy_from_host(const void* host, void* device, size_t bytes) {
  recorder_.require_outside(fmt::format("copy_from_host of {} bytes", bytes));
  if (bytes <= kMostWritten) return write(host, device, bytes);
  launch_small_work();
  std::memcpy(device, host, bytes);
}

void Emulated::copy_to_host(const void* device, void* host, size_t bytes) {
  recorder_.require_outside(fmt::format("copy_to_host of {} bytes", bytes));
  launch_small_work();
  if (bytes) std::memcpy(host, device, bytes);
}

void Emulated::copy(const void* from, void* to, size_t bytes) {
  if (copy_later(from, to, bytes)) return;
  launch_small_work();
  if (bytes) std::memcpy(to, from, bytes);
}

std::unique_ptr<Recording> Emulated::record(std::function<void()> work) {
  return recorder_.record(std::move(work), graphs_ ? std::make_unique<CalledAgain>() : nullptr);
}

void Emulated::matmul(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b,
                      Tensor& c) {
  if (matmul_later(transpose_a, transpose_b, a, b, c)) return;
  stream();
  cpu::reference_backend().matmul(transpose_a, transpose_b, a, b, c);
}

void Emulated::conv(const ConvParams& p, const Tensor& x, const Tensor& w, const Epilogue& epilogue,
                    Tensor& y) {
  stream();
  cpu::reference_backend().conv(p, x, w, {}, y);
  apply_epilogue(epilogue, y);
}

void Emulated::conv_grad_input(const ConvParams& p, const Tensor& w, const Tensor& dy,
                               const Epilogue& epilogue, Tensor& dx) {
  stream();
  cpu::reference_backend().conv_grad_input(p, w, dy, {}, dx);
  apply_epilogue(epilogue, dx);
}

void Emulated::conv_grad_weight(const ConvParams& p, const Tensor& x, const Tensor& dy,
                                Tensor& dw) {
  stream();
  cpu::reference_backend().conv_grad_weight(p, x, dy, dw);
}

Emulated& emulated() {
  static Emulated& instance = []() -> Emulated& {
    auto made = std::make_unique<Emulated>();
    Emulated& e = *made;
    install_backend(kEmulated, std::move(made));
    return e;
  }();
  return instance;
}

cudaError_t launch(Dim grid, Dim block, cudaStream_t, std::function<void()> body) {
  run_grid(grid, block, body);
  return cudaSuccess;
}

const std::set<std::string>& launched_kernels() { return kernel_names; }

}  // namespace gradus::cuda::emulation

// Kernels::find_code calls it, which nothing does here.
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes*, const void*) { return cudaSuccess; }

namespace gradus::cuda {

void check_launch(const char* kernel, cudaError_t) { emulation::kernel_names.insert(kernel); }

}  // namespace gradus::cuda
