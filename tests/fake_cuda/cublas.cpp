#include <cublas_v2.h>

#include "tensor/cpu/cpu.h"
#include "tests/fake_cuda/host_tensors.h"

using namespace gradus;
using namespace gradus::fake_cuda;

struct cublasContext {
  int device;
  cudaStream_t stream = nullptr;
  void* workspace = nullptr;
  size_t workspace_bytes = 0;
  cublasMath_t mode = CUBLAS_DEFAULT_MATH;
};

namespace {

cublasStatus_t begin(const char* function, cublasStatus_t natural) {
  return static_cast<cublasStatus_t>(enter(function, natural));
}

struct Product {
  bool transpose_a, transpose_b;
  int m, n, k, lda, ldb, ldc, count;
  long long step_a, step_b, step_c;
};

/// In rows, the transposed product: c [n, m] = op(b) [n, k] op(a) [k, m].
template <class T>
cublasStatus_t multiply(const char* function, cublasHandle_t handle, const Product& p, T alpha,
                        const T* a, const T* b, T beta, T* c) {
  const Lock lock(mutex());
  if (const cublasStatus_t s = begin(function, CUBLAS_STATUS_EXECUTION_FAILED)) return s;
  if (handle->device != current_device()) return CUBLAS_STATUS_EXECUTION_FAILED;
  if (p.m <= 0 || p.n <= 0 || p.k <= 0 || p.lda < (p.transpose_a ? p.k : p.m) ||
      p.ldb < (p.transpose_b ? p.n : p.k) || p.ldc < p.m)
    return CUBLAS_STATUS_INVALID_VALUE;
  const bool is_dense =
      p.lda == (p.transpose_a ? p.k : p.m) && p.ldb == (p.transpose_b ? p.n : p.k) && p.ldc == p.m;
  const int64_t size_a = int64_t{p.m} * p.k, size_b = int64_t{p.k} * p.n;
  const auto is_step = [](long long step, int64_t size) { return step == 0 || step == size; };
  if (alpha != 1 || beta != 0 || !is_dense || !is_step(p.step_a, size_a) ||
      !is_step(p.step_b, size_b) || (p.count > 1 && p.step_c != int64_t{p.m} * p.n))
    return CUBLAS_STATUS_NOT_SUPPORTED;  // cuda/ asks for none of it
  const int device = handle->device;
  const auto work = [=, h = *handle] {
    const DType dtype = sizeof(T) == 8 ? DType::f64 : DType::f32;
    const bool tf32 = h.mode == CUBLAS_TF32_TENSOR_OP_MATH;
    const auto operand = [&](const T* x, long long step, bool transposed, int64_t rows,
                             int64_t columns) {
      if (transposed) std::swap(rows, columns);
      return read(device, x, {step ? p.count : 1, rows, columns}, dtype, tf32);
    };
    Tensor y({p.count, p.n, p.m}, dtype);
    cpu::reference_backend().matmul(p.transpose_b, p.transpose_a,
                                    operand(b, p.step_b, p.transpose_b, p.n, p.k),
                                    operand(a, p.step_a, p.transpose_a, p.k, p.m), y);
    scribble(device, h.workspace, h.workspace_bytes);
    write(device, y, c);
  };
  return enqueue(handle->stream, {Kind::matmul, work}) ? CUBLAS_STATUS_EXECUTION_FAILED
                                                       : CUBLAS_STATUS_SUCCESS;
}

}  // namespace

cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  if (const cublasStatus_t s = begin("cublasCreate", CUBLAS_STATUS_NOT_INITIALIZED)) return s;
  *handle = new cublasContext{.device = current_device()};
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  delete handle;
  return begin("cublasDestroy", CUBLAS_STATUS_NOT_INITIALIZED);
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  if (const cublasStatus_t s = begin("cublasSetStream", CUBLAS_STATUS_NOT_INITIALIZED)) return s;
  handle->stream = stream;
  handle->workspace = nullptr;  // as the library does
  handle->workspace_bytes = 0;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void* workspace, size_t bytes) {
  if (const cublasStatus_t s = begin("cublasSetWorkspace", CUBLAS_STATUS_INVALID_VALUE)) return s;
  handle->workspace = workspace;
  handle->workspace_bytes = std::min<size_t>(bytes, 4096);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  if (const cublasStatus_t s = begin("cublasSetMathMode", CUBLAS_STATUS_INVALID_VALUE)) return s;
  handle->mode = mode;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetProperty(libraryPropertyType type, int* value) {
  if (const cublasStatus_t s = begin("cublasGetProperty", CUBLAS_STATUS_INVALID_VALUE)) return s;
  *value = type == MAJOR_VERSION ? 13 : 0;
  return CUBLAS_STATUS_SUCCESS;
}

const char* cublasGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "success";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "the library was not initialized";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "the resource allocation failed";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "an unsupported value or parameter was passed to the function";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "the function failed to launch on the GPU";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      break;
  }
  return "the functionality is not supported";
}

#undef GRADUS_FAKE_GEMM
#define GRADUS_FAKE_GEMM(T, name)                                                                  \
  cublasStatus_t cublas##name(                                                                     \
      cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,  \
      const T* alpha, const T* a, int lda, const T* b, int ldb, const T* beta, T* c, int ldc) {    \
    return multiply(                                                                               \
        "cublas" #name, handle,                                                                    \
        {op_a == CUBLAS_OP_T, op_b == CUBLAS_OP_T, m, n, k, lda, ldb, ldc, 1, 0, 0, 0}, *alpha, a, \
        b, *beta, c);                                                                              \
  }                                                                                                \
  cublasStatus_t cublas##name##StridedBatched(                                                     \
      cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,  \
      const T* alpha, const T* a, int lda, long long step_a, const T* b, int ldb,                  \
      long long step_b, const T* beta, T* c, int ldc, long long step_c, int count) {               \
    return multiply("cublas" #name "StridedBatched", handle,                                       \
                    {op_a == CUBLAS_OP_T, op_b == CUBLAS_OP_T, m, n, k, lda, ldb, ldc, count,      \
                     step_a, step_b, step_c},                                                      \
                    *alpha, a, b, *beta, c);                                                       \
  }
GRADUS_FAKE_GEMM(float, Sgemm)
GRADUS_FAKE_GEMM(double, Dgemm)
