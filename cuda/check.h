#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include "tensor/error.h"

namespace gradus::cuda {

/// Throws DeviceError "what: reason" where the call failed.
inline void check(cudaError_t error, const char* what) {
  require<DeviceError>(error == cudaSuccess, "{}: {}", what, cudaGetErrorString(error));
}
inline void check(cublasStatus_t status, const char* what) {
  require<DeviceError>(status == CUBLAS_STATUS_SUCCESS, "{}: {}", what,
                       cublasGetStatusString(status));
}

}  // namespace gradus::cuda
