#include "cuda/graph.h"

#include "cuda/check.h"

namespace gradus::cuda {

CapturedGraph::~CapturedGraph() {
  if (!executable_) return;
  cudaStreamSynchronize(stream_);  // it may still run
  cudaGraphExecDestroy(executable_);
}

void CapturedGraph::capture(const std::function<void()>& work) {
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

void CapturedGraph::replay() { check(cudaGraphLaunch(executable_, stream_), "replaying a step"); }

}  // namespace gradus::cuda
