#pragma once

#include <cuda_runtime.h>

#include "cuda/recorder.h"

namespace gradus::cuda {

/// Work captured from a stream as a CUDA graph.
class CapturedGraph final : public Recorder::Graph {
 public:
  explicit CapturedGraph(cudaStream_t stream) : stream_(stream) {}
  ~CapturedGraph() override;
  void capture(const std::function<void()>& work) override;
  void replay() override;

 private:
  cudaStream_t stream_;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace gradus::cuda
