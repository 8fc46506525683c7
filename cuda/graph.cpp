#include "cuda/graph.h"

#include "cuda/check.h"

namespace gradus::cuda {

CapturedGraph::~CapturedGraph() {
  if (!executable_) return;
  cudaSetDevice(device_);
  cudaStreamSynchronize(stream_);  // it may still run
  cudaGraphExecDestroy(executable_);
}

void CapturedGraph::capture(const std::function<void()>& work) {
  check(cudaSetDevice(device_), "capturing a step");
  check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "capturing a step");
  cudaGraph_t graph = nullptr;
  try {
    work();
  } catch (...) {
    cudaStreamEndCapture(stream_, &graph);
    if (graph) cudaGraphDestroy(graph);
    throw;
  }
  check(cudaStreamEndCapture(stream_, &graph), "capturing a step");
  const cudaError_t error = cudaGraphInstantiate(&executable_, graph, 0);
  cudaGraphDestroy(graph);
  check(error, "capturing a step");
}

void CapturedGraph::replay() {
  check(cudaSetDevice(device_), "replaying a step");
  check(cudaGraphLaunch(executable_, stream_), "replaying a step");
}

}  // namespace gradus::cuda
