#include "cuda/check.h"

#include "tensor/scope.h"

namespace gradus::cuda {
namespace {

constexpr const char* kStartAgain =
    "the device takes no more work of this process: start it again, with GRADUS_SYNC=1 in the "
    "environment to learn which kernel failed";
constexpr const char* kLookAtDriver =
    "if it fails again, see what `nvidia-smi` says of the device and its driver";

const char* mend_of(cudaError_t error) {
  switch (error) {
    case cudaErrorMemoryAllocation:
      return "a smaller batch takes less memory; `nvidia-smi` shows what else is on the device";
    case cudaErrorInvalidDeviceFunction:
    case cudaErrorNoKernelImageForDevice:
      return "build for the device's architecture (CMAKE_CUDA_ARCHITECTURES)";
    case cudaErrorStreamCaptureUnsupported:
    case cudaErrorStreamCaptureInvalidated:
      return "";  // CapturedGraph says it
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
      return kStartAgain;
    default:
      return kLookAtDriver;
  }
}

}  // namespace

std::string failure(const std::string& operation, const char* function, const std::string& reason,
                    const std::string& mend) {
  std::string message;
  const std::string path = Scope::path();  // may end with the operation
  const std::string done = path.ends_with(operation) ? "" : operation;
  for (const std::string& part : {path, done, std::string(function), reason})
    if (!part.empty()) message += (message.empty() ? "" : ": ") + part;
  return mend.empty() ? message : message + "; " + mend;
}

void check(cudaError_t error, const char* function, const std::string& operation) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // reported: the next call begins without it, unless it stays
  throw DeviceError(failure(operation, function, cudaGetErrorString(error), mend_of(error)));
}

void check(cublasStatus_t status, const char* function, const std::string& operation) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw DeviceError(failure(operation, function, cublasGetStatusString(status),
                            is_lost() ? kStartAgain : kLookAtDriver));
}

bool is_lost() {
  cudaGetLastError();
  return cudaPeekAtLastError() != cudaSuccess;
}

}  // namespace gradus::cuda
