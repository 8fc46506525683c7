#include "cuda/cuda.h"

#include <nvtx3/nvToolsExt.h>

#include "cuda/check.h"
#include "cuda/graph.h"

namespace gradus::cuda {
namespace {

constexpr size_t kBlasWorkspace = 32 << 20;  // what cuBLAS asks for on Hopper

CachingAllocator::Raw device_memory(int index) {
  return {.allocate = [index](size_t bytes) -> void* {
            void* p = nullptr;
            check(cudaSetDevice(index), "cudaSetDevice");
            const cudaError_t error = cudaMalloc(&p, bytes);
            if (error == cudaErrorMemoryAllocation) {
              cudaGetLastError();  // the allocator frees what it keeps, and reports it
              return nullptr;
            }
            check(error, "cudaMalloc", fmt::format("allocation of {} bytes", bytes));
            return p;
          },
          .release =
              [index](void* p, size_t) {
                cudaSetDevice(index);
                cudaFree(p);
              }};
}

template <class T>
struct Gemm;
template <>
struct Gemm<float> {
  static constexpr auto kOne = "cublasSgemm", kBatch = "cublasSgemmStridedBatched";
  static constexpr auto one = cublasSgemm;
  static constexpr auto batch = cublasSgemmStridedBatched;
};
template <>
struct Gemm<double> {
  static constexpr auto kOne = "cublasDgemm", kBatch = "cublasDgemmStridedBatched";
  static constexpr auto one = cublasDgemm;
  static constexpr auto batch = cublasDgemmStridedBatched;
};

std::string blas_version() {
  int number[3] = {};
  const libraryPropertyType parts[] = {MAJOR_VERSION, MINOR_VERSION, PATCH_LEVEL};
  for (int i = 0; i < 3; ++i) cublasGetProperty(parts[i], &number[i]);
  return fmt::format("{}.{}.{}", number[0], number[1], number[2]);
}

std::string dnn_version() {
  const size_t v = cudnnGetVersion();
  return fmt::format("{}.{}.{}", v / 10000, v % 10000 / 100, v % 100);
}

}  // namespace

std::string describe_device(int index) {
  cudaDeviceProp device{};
  int driver = 0;
  check(cudaGetDeviceProperties(&device, index), "cudaGetDeviceProperties");
  check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  return fmt::format("{}, compute capability {}.{}, driver for CUDA {}.{}, cuBLAS {}, cuDNN {}",
                     device.name, device.major, device.minor, driver / 1000, driver % 1000 / 10,
                     blas_version(), dnn_version());
}

Cuda::Cuda(int index)
    : index_(index), allocator_(to_string(Device{DeviceKind::cuda, index}), device_memory(index)) {
  try {
    check(cudaSetDevice(index), "cudaSetDevice");
    require_code();
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
    check(cublasCreate(&blas_), "cublasCreate");
    check(cublasSetStream(blas_, stream_), "cublasSetStream");
    blas_workspace_ = allocator_.allocate(kBlasWorkspace);
    check(cublasSetWorkspace(blas_, blas_workspace_, kBlasWorkspace), "cublasSetWorkspace");
    cudnn::check(cudnnCreate(&dnn_), "cudnnCreate");
    cudnn::check(cudnnSetStream(dnn_, stream_), "cudnnSetStream");
    conv_.emplace(dnn_, stream_, allocator_);
  } catch (...) {
    close();
    throw;
  }
}

Cuda::~Cuda() { close(); }

void Cuda::close() noexcept {
  forget_small_work();
  cudaSetDevice(index_);
  conv_.reset();
  if (dnn_) cudnnDestroy(dnn_);
  if (blas_) cublasDestroy(blas_);
  if (blas_workspace_) allocator_.release(blas_workspace_);
  if (stream_) cudaStreamDestroy(stream_);
}

void Cuda::require_code() const {
  const cudaError_t error = find_code();
  if (error != cudaErrorNoKernelImageForDevice && error != cudaErrorInvalidDeviceFunction)
    return check(error, "cudaFuncGetAttributes");
  cudaGetLastError();
  cudaDeviceProp device{};
  check(cudaGetDeviceProperties(&device, index_), "cudaGetDeviceProperties");
  throw DeviceError(failure(
      "", "cudaFuncGetAttributes",
      fmt::format("{} has compute capability {}.{}, and this build's code is for {}", device.name,
                  device.major, device.minor, GRADUS_CUDA_ARCHITECTURES),
      fmt::format("build with -DCMAKE_CUDA_ARCHITECTURES={}{}", device.major, device.minor)));
}

void Cuda::copy_from_host(const void* host, void* device, size_t bytes) {
  const std::string operation = fmt::format("copy_from_host of {} bytes", bytes);
  recorder_.require_outside(operation);
  launch_small_work();
  // A kernel takes its arguments over when it is launched; a copy may make the host wait.
  if (bytes <= kMostWritten) return write(host, device, bytes);
  // From pageable memory: the call returns when the bytes are taken over.
  check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream_), "cudaMemcpyAsync",
        operation);
}

void Cuda::copy_to_host(const void* device, void* host, size_t bytes) {
  const std::string operation = fmt::format("copy_to_host of {} bytes", bytes);
  recorder_.require_outside(operation);
  launch_small_work();
  check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream_), "cudaMemcpyAsync",
        operation);
  check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize", operation);
}

void Cuda::copy(const void* from, void* to, size_t bytes) {
  if (copy_later(from, to, bytes)) return;
  launch_small_work();
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "cudaMemcpyAsync",
        "copy");
}

std::unique_ptr<Recording> Cuda::record(std::function<void()> work) {
  return recorder_.record(std::move(work), options_.graphs
                                               ? std::make_unique<CapturedGraph>(index_, stream_)
                                               : nullptr);
}

void Cuda::begin_range(const char* name) { nvtxRangePushA(name); }
void Cuda::end_range() noexcept { nvtxRangePop(); }

void Cuda::make_current() { check(cudaSetDevice(index_), "cudaSetDevice"); }

void Cuda::wait(const char* kernel) {
  launch_small_work();
  cudaStreamCaptureStatus capturing = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(stream_, &capturing), "cudaStreamIsCapturing", kernel);
  if (capturing == cudaStreamCaptureStatusNone)
    check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize", kernel);
}

std::string Cuda::describe() const { return describe_device(index_); }

cudaStream_t Cuda::stream_for_others() {
  make_current();
  launch_small_work();
  return stream_;
}

void Cuda::configure(const BackendOptions& options) {
  options_ = options;
  check(cublasSetMathMode(blas_, options.tf32 ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH),
        "cublasSetMathMode");
  conv_->use({.tf32 = options.tf32, .deterministic = options.deterministic});
}

// cuBLAS is column-major: it computes c^T = op(b)^T op(a)^T.
void Cuda::matmul(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b, Tensor& c) {
  const MatrixBatch p(transpose_a, a, b, c);
  if (c.count() == 0) return;
  if (p.k == 0) return fill(0, c);
  const auto op = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
  const int m = static_cast<int>(p.m), n = static_cast<int>(p.n), k = static_cast<int>(p.k);
  const int lda = static_cast<int>(a.shape()[-1]), ldb = static_cast<int>(b.shape()[-1]);
  const int count = static_cast<int>(p.count);
  if (matmul_later(transpose_a, transpose_b, a, b, c)) return;
  stream();
  visit_float(c.dtype(), [&]<class T>(T) {
    const T one = 1, zero = 0;
    const T *va = a.data<T>(), *vb = b.data<T>();
    T* vc = c.mutable_data<T>();
    if (count == 1)
      check(Gemm<T>::one(blas_, op(transpose_b), op(transpose_a), n, m, k, &one, vb, ldb, va, lda,
                         &zero, vc, n),
            Gemm<T>::kOne, "matmul");
    else
      check(Gemm<T>::batch(blas_, op(transpose_b), op(transpose_a), n, m, k, &one, vb, ldb,
                           p.step_b, va, lda, p.step_a, &zero, vc, n, p.m * p.n, count),
            Gemm<T>::kBatch, "matmul");
  });
}

void Cuda::conv(const ConvParams& p, const Tensor& x, const Tensor& w, const Epilogue& epilogue,
                Tensor& y) {
  if (y.count() == 0) return;
  stream();
  conv_->run({cudnn::ConvKind::forward, y.dtype(), x.shape(), w.shape(), y.shape(), p}, x.raw(),
             w.raw(), y.mutable_raw());
  apply_epilogue(epilogue, y);
}

void Cuda::conv_grad_input(const ConvParams& p, const Tensor& w, const Tensor& dy,
                           const Epilogue& epilogue, Tensor& dx) {
  if (dx.count() == 0) return;
  stream();
  if (dy.count() == 0)
    fill(0, dx);
  else
    conv_->run({cudnn::ConvKind::grad_input, dx.dtype(), dx.shape(), w.shape(), dy.shape(), p},
               dx.mutable_raw(), w.raw(), dy.raw());
  apply_epilogue(epilogue, dx);
}

void Cuda::conv_grad_weight(const ConvParams& p, const Tensor& x, const Tensor& dy, Tensor& dw) {
  if (dw.count() == 0) return;
  if (dy.count() == 0) return fill(0, dw);
  stream();
  conv_->run({cudnn::ConvKind::grad_weight, dw.dtype(), x.shape(), dw.shape(), dy.shape(), p},
             x.raw(), dw.mutable_raw(), dy.raw());
}

}  // namespace gradus::cuda
