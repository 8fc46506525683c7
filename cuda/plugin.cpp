#include <cuda_runtime.h>

#include "cuda/nccl.h"
#include "tensor/cuda_plugin.h"
#include "tensor/plugin_abi.h"

namespace gradus::cuda {
namespace {

int device_count(std::string& reason) {
  int count = 0;  // left alone where there is no driver
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess)
    reason =
        fmt::format("no usable CUDA device: cudaGetDeviceCount: {}", cudaGetErrorString(error));
  else if (count == 0)
    reason = "no CUDA device";
  return error == cudaSuccess ? count : 0;
}

Backend* make(int index, std::string& reason) {
  try {
    return new Cuda(index);
  } catch (const Error& e) {
    reason = e.what();
    return nullptr;
  }
}

Communicator* share(Communicator& hosts, Backend& device, std::string& reason) {
  try {
    return nccl_ranks(hosts, dynamic_cast<Cuda&>(device)).release();
  } catch (const DeviceError& e) {
    reason = e.what();
    return nullptr;
  }
}

constexpr CudaPlugin kPlugin{kPluginAbi, device_count, describe_device, make, nccl_version, share};

}  // namespace
}  // namespace gradus::cuda

extern "C" __attribute__((visibility("default"))) const gradus::CudaPlugin* gradus_cuda_plugin() {
  return &gradus::cuda::kPlugin;
}
