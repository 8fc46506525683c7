#pragma once

#include <memory>

#include "cuda/cuda.h"
#include "tensor/communicator.h"

namespace gradus::cuda {

/// "NCCL 2.27.7", or why there is none: "none: ...".
std::string nccl_version();

/// The same ranks, each with a device of its own: what lies there is exchanged by NCCL, in the
/// backend's stream, and may be captured; the rest by `hosts`. Both must outlive it. Throws
/// DeviceError where NCCL cannot be had or fails.
std::unique_ptr<Communicator> nccl_ranks(Communicator& hosts, Cuda& device);

}  // namespace gradus::cuda
