#pragma once

#include <cublas_v2.h>

#include <optional>

#include "cuda/cudnn_conv.h"
#include "cuda/kernels.h"
#include "cuda/recorder.h"

namespace gradus::cuda {

/// The backend of one NVIDIA device: our kernels, cuBLAS for matrix products, cuDNN for
/// convolutions, one stream for everything, recordings as captured graphs. Host threads may use it
/// one at a time.
class Cuda final : public Kernels {
 public:
  /// Throws DeviceError where the device or a library cannot be used.
  explicit Cuda(int index);
  ~Cuda() override;

  void* allocate(size_t bytes) override { return allocator_.allocate(bytes); }
  void release(void* p) noexcept override {
    if (!still_uses(p)) allocator_.release(p);
  }
  CachingAllocator& allocator() override { return allocator_; }
  void copy_from_host(const void* host, void* device, size_t bytes) override;
  void copy_to_host(const void* device, void* host, size_t bytes) override;
  void copy(const void* from, void* to, size_t bytes) override;
  std::unique_ptr<Recording> record(std::function<void()> work) override;
  bool host_may_read() const override { return !recorder_.is_running(); }
  void begin_range(const char* name) override;
  void end_range() noexcept override;
  void make_current() override;
  void wait(const char* kernel) override;
  std::string describe() const override;
  /// The stream for what others compute there, after all that was called before.
  cudaStream_t stream_for_others();
  void configure(const BackendOptions& options) override;

  void matmul(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b,
              Tensor& c) override;
  void conv(const ConvParams& p, const Tensor& x, const Tensor& w, const Epilogue& epilogue,
            Tensor& y) override;
  void conv_grad_input(const ConvParams& p, const Tensor& w, const Tensor& dy,
                       const Epilogue& epilogue, Tensor& dx) override;
  void conv_grad_weight(const ConvParams& p, const Tensor& x, const Tensor& dy,
                        Tensor& dw) override;

 private:
  /// Throws DeviceError where the build has no code that the device can run.
  void require_code() const;
  void close() noexcept;

  int index_;
  BackendOptions options_;
  CachingAllocator allocator_;
  Recorder recorder_{allocator_, [this] { launch_small_work(); }};
  cublasHandle_t blas_ = nullptr;
  void* blas_workspace_ = nullptr;
  cudnnHandle_t dnn_ = nullptr;
  std::optional<CudnnConv> conv_;
};

/// "NVIDIA H200, compute capability 9.0, driver for CUDA 13.0, cuBLAS 13.1.0, cuDNN 9.19.0".
std::string describe_device(int index);

}  // namespace gradus::cuda
