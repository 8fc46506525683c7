#include "cuda/launch.h"

#include "cuda/check.h"

namespace gradus::cuda {

void check_launch(const char* kernel, cudaError_t error) {
  check(error, "cudaLaunchKernelEx", kernel);
}

}  // namespace gradus::cuda
