#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <string>

#include "tensor/error.h"

namespace gradus::cuda {

/// "real.conv2: matmul: cublasSgemm: reason; what to do": the Scope, what was done there (may be
/// empty), the function that failed, why, and the mend (may be empty).
std::string failure(const std::string& operation, const char* function, const std::string& reason,
                    const std::string& mend);

/// Throw DeviceError with `failure` where the call failed.
void check(cudaError_t error, const char* function, const std::string& operation = "");
void check(cublasStatus_t status, const char* function, const std::string& operation = "");

/// Whether an error in a kernel or in the driver has ended all work of this process on the device:
/// then other calls fail with the same error.
bool is_lost();

}  // namespace gradus::cuda
