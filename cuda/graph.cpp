#include "cuda/graph.h"

#include "cuda/check.h"

namespace gradus::cuda {

CapturedGraph::~CapturedGraph() {
  if (!executable_) return;
  cudaSetDevice(device_);
  cudaStreamSynchronize(stream_);  // it may still run
  cudaGraphExecDestroy(executable_);
}

void CapturedGraph::capture(const std::function<void()>& work) try {
  check(cudaSetDevice(device_), "cudaSetDevice");
  check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal),
        "cudaStreamBeginCapture");
  cudaGraph_t graph = nullptr;
  try {
    work();
  } catch (...) {
    cudaStreamEndCapture(stream_, &graph);
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError();
    throw;
  }
  check(cudaStreamEndCapture(stream_, &graph), "cudaStreamEndCapture");
  const cudaError_t error = cudaGraphInstantiate(&executable_, graph, 0);
  cudaGraphDestroy(graph);
  check(error, "cudaGraphInstantiate");
} catch (const DeviceError& e) {
  throw DeviceError(fmt::format(
      "capturing a recording as a graph: {}; without graphs (ssgan: --no-graph) it runs uncaptured",
      e.what()));
}

void CapturedGraph::replay() {
  check(cudaSetDevice(device_), "cudaSetDevice");
  check(cudaGraphLaunch(executable_, stream_), "cudaGraphLaunch", "replaying a recording");
}

}  // namespace gradus::cuda
