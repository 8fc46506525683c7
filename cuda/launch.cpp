#include "cuda/launch.h"

#include <cstdlib>
#include <string_view>

#include "cuda/check.h"

namespace gradus::cuda {

void check_launch(const char* kernel, cudaError_t error, cudaStream_t stream) {
  static const bool wait = [] {
    const char* v = std::getenv("GRADUS_SYNC");
    return v && std::string_view(v) == "1";
  }();
  check(error, "cudaLaunchKernelEx", kernel);
  if (!wait) return;
  cudaStreamCaptureStatus capturing = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(stream, &capturing), "cudaStreamIsCapturing", kernel);
  if (capturing == cudaStreamCaptureStatusNone)
    check(cudaStreamSynchronize(stream), "cudaStreamSynchronize", kernel);
}

}  // namespace gradus::cuda
