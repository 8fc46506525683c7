#pragma once

#include <memory>
#include <string>

#include "tensor/backend.h"

namespace gradus {

class Communicator;

/// What libgradus_cuda.so gives, through the C function `gradus_cuda_plugin`. It lies beside
/// libgradus_tensor.so and is opened only where the NVIDIA driver is, so that a program costs
/// nothing and starts everywhere without it.
struct CudaPlugin {
  uint64_t abi;  ///< kPluginAbi
  /// The number of devices; 0 with the reason where there is none.
  int (*device_count)(std::string& reason);
  /// "NVIDIA H200, compute capability 9.0, driver for CUDA 13.0, cuBLAS 13.1, cuDNN 9.19.0".
  std::string (*describe)(int index);
  /// Null with the reason where the device cannot be used.
  Backend* (*make)(int index, std::string& reason);
  /// "NCCL 2.27.7", or why there is none: "none: ...".
  std::string (*nccl)();
  /// ranks_of_devices; null with the reason where NCCL cannot be had. `device` is of `make`.
  Communicator* (*share)(Communicator& hosts, Backend& device, std::string& reason);
};

/// Of this build and this machine.
struct CudaReport {
  std::string build;   ///< "sm_90, CUDA 13.0.88, cuDNN 9.19.0"; empty: built without CUDA
  int devices = 0;     ///< that can be used
  std::string device;  ///< describes the first; empty where there is none
  std::string reason;  ///< why there is none
  std::string nccl;    ///< "NCCL 2.27.7", or why there is none: "none: ..."
};
CudaReport cuda_report();

/// Of the device `index`, at least 0. Throws DeviceError with the reason where there is none.
std::unique_ptr<Backend> make_cuda_backend(int index);

/// The same ranks, each with a CUDA device of its own: what lies there is exchanged by NCCL, the
/// rest by `hosts`, which must outlive it. Throws DeviceError with the reason where NCCL cannot be
/// had.
std::unique_ptr<Communicator> ranks_of_devices(Communicator& hosts, Device device);

}  // namespace gradus
