#include "cuda/launch.h"

#include <cstdlib>
#include <string_view>

#include "tensor/error.h"

namespace gradus::cuda {

void check_launch(const char* kernel, cudaError_t error, cudaStream_t stream) {
  static const bool wait = [] {
    const char* v = std::getenv("GRADUS_SYNC");
    return v && std::string_view(v) == "1";
  }();
  if (error == cudaSuccess && wait) {
    cudaStreamCaptureStatus capturing = cudaStreamCaptureStatusNone;
    error = cudaStreamIsCapturing(stream, &capturing);
    if (error == cudaSuccess && capturing == cudaStreamCaptureStatusNone)
      error = cudaStreamSynchronize(stream);
  }
  require<DeviceError>(error == cudaSuccess, "{}: {}", kernel, cudaGetErrorString(error));
}

}  // namespace gradus::cuda
