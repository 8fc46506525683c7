#pragma once

#include <cuda_runtime.h>

#include "cuda/recorder.h"

namespace gradus::cuda {

/// Work captured from a device's stream as a CUDA graph.
class CapturedGraph final : public Recorder::Graph {
 public:
  CapturedGraph(int device, cudaStream_t stream) : device_(device), stream_(stream) {}
  ~CapturedGraph() override;
  void capture(const std::function<void()>& work) override;
  void replay() override;

 private:
  int device_;
  cudaStream_t stream_;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace gradus::cuda
