#include <cuda_runtime.h>

#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "cuda/check.h"
#include "cuda/launch.h"
#include "tests/fake_cuda/fake.h"
#include "tests/fake_cuda/memory.h"

using namespace gradus::fake_cuda;

struct CUgraph_st {
  Works works;
};
struct CUgraphExec_st {
  int device;
  Works works;
};

namespace {

/// An error in a kernel stays for the rest of the process: whatever is called next returns it.
cudaError_t sticky = cudaSuccess;
thread_local cudaError_t last = cudaSuccess;
thread_local int device_of_thread = 0;
thread_local cudaStream_t capturing = nullptr;
std::vector<std::unique_ptr<CUstream_st>> streams;

const char* name_of(Kind kind) {
  constexpr const char* kNames[] = {"kernel", "from_host", "to_host", "copy",
                                    "matmul", "conv",      "exchange"};
  return kNames[static_cast<int>(kind)];
}

int device_count() { return std::stoi(setting("GRADUS_FAKE_DEVICES", "2")); }

cudaError_t failed(cudaError_t error) {
  if (error != cudaSuccess) last = error;
  return error;
}

/// The start of each function: the error that it returns at once, or success.
cudaError_t begin(const char* function, cudaError_t natural) {
  const int injected = enter(function, natural);
  return failed(sticky != cudaSuccess ? sticky : static_cast<cudaError_t>(injected));
}

/// What a capture by this thread refuses: it is not valid afterwards.
bool spoils_capture() {
  if (!capturing) return false;
  capturing->capture = cudaStreamCaptureStatusInvalidated;
  return true;
}

void run(Work& work) {
  if (const int injected = enter(kRun, cudaErrorIllegalAddress)) {
    sticky = static_cast<cudaError_t>(injected);
    return;
  }
  note(std::string("run ") + name_of(work.kind));
  const bool is_copy =
      work.kind != Kind::kernel && work.kind != Kind::matmul && work.kind != Kind::conv;
  if (!computes() && !is_copy) return;
  try {
    work.run();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "fake CUDA: %s: %s\n", name_of(work.kind), e.what());
    sticky = cudaErrorIllegalAddress;
  }
}

void require_guards() {
  const std::string damage = damaged_guards();
  if (damage.empty()) return;
  std::fprintf(stderr, "fake CUDA: %s\n", damage.c_str());
  sticky = cudaErrorIllegalAddress;
}

void drain(CUstream_st& stream) {
  Works works;
  works.swap(stream.queue);
  for (Work& work : works)
    if (sticky == cudaSuccess) run(work);
  static int drains = 0;
  if (++drains % 64 == 0) require_guards();  // there may be thousands
}

void drain_all(int device) {
  for (const auto& stream : streams)
    if (stream->device == device && stream->capture == cudaStreamCaptureStatusNone) drain(*stream);
}

}  // namespace

namespace gradus::fake_cuda {

int current_device() { return device_of_thread; }

cudaError_t enqueue(cudaStream_t stream, Work work) {
  const Lock lock(mutex());
  if (stream->capture == cudaStreamCaptureStatusInvalidated)
    return failed(cudaErrorStreamCaptureInvalidated);
  const bool captures = stream->capture == cudaStreamCaptureStatusActive;
  (captures ? stream->captured : stream->queue).push_back(std::move(work));
  return cudaSuccess;
}

}  // namespace gradus::fake_cuda

namespace gradus::cuda::emulation {

cudaError_t launch(Dim grid, Dim block, cudaStream_t stream, std::function<void()> body) {
  const Lock lock(mutex());
  if (const cudaError_t e = begin("cudaLaunchKernelEx", cudaErrorLaunchFailure)) return e;
  if (grid.count() == 0 || block.count() == 0 || block.count() > 1024)
    return failed(cudaErrorInvalidValue);
  // A stream takes kernels only from a thread whose device is its own.
  if (stream->device != current_device()) return failed(cudaErrorInvalidResourceHandle);
  return enqueue(stream, {Kind::kernel, [=] { run_grid(grid, block, body); }});
}

}  // namespace gradus::cuda::emulation

void gradus::cuda::check_launch(const char* kernel, cudaError_t error) {
  note(std::string("launch ") + kernel);
  check(error, "cudaLaunchKernelEx", kernel);
}

cudaError_t cudaGetDeviceCount(int* count) {
  const Lock lock(mutex());
  if (const cudaError_t e = begin("cudaGetDeviceCount", cudaErrorUnknown)) return e;
  if (device_count() == 0) return failed(cudaErrorNoDevice);
  *count = device_count();
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  const Lock lock(mutex());
  if (const cudaError_t e = begin("cudaSetDevice", cudaErrorUnknown)) return e;
  if (device < 0 || device >= device_count()) return failed(cudaErrorInvalidDevice);
  device_of_thread = device;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  const Lock lock(mutex());
  if (const cudaError_t e = begin("cudaGetDeviceProperties", cudaErrorUnknown)) return e;
  if (device < 0 || device >= device_count()) return failed(cudaErrorInvalidDevice);
  *properties = {"no card, a fake for tests", 9, 0};
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  const Lock lock(mutex());
  if (const cudaError_t e = begin("cudaDriverGetVersion", cudaErrorUnknown)) return e;
  *version = 13000;
  return cudaSuccess;
}

cudaError_t cudaGetLastError() {
  const Lock lock(mutex());
  const cudaError_t error = last;
  last = sticky;
  return error;
}

cudaError_t cudaPeekAtLastError() {
  const Lock lock(mutex());
  return sticky != cudaSuccess ? sticky : last;
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidDeviceFunction:
      return "invalid device function";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorNoKernelImageForDevice:
      return "no kernel image is available for execution on the device";
    case cudaErrorInvalidResourceHandle:
      return "invalid resource handle";
    case cudaErrorIllegalState:
      return "the operation cannot be performed in the present state";
    case cudaErrorIllegalAddress:
      return "an illegal memory access was encountered";
    case cudaErrorLaunchFailure:
      return "unspecified launch failure";
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated:
      return "operation failed due to a previous error during capture";
    case cudaErrorUnknown:
      break;
  }
  return "unknown error";
}

cudaError_t cudaMalloc(void** p, size_t bytes) {
  const Lock lock(mutex());
  if (const cudaError_t e = begin("cudaMalloc", cudaErrorMemoryAllocation)) return e;
  if (spoils_capture()) return failed(cudaErrorStreamCaptureUnsupported);
  *p = allocate(current_device(), bytes);
  return failed(*p ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t cudaFree(void* p) {
  const Lock lock(mutex());
  const cudaError_t e = begin("cudaFree", cudaErrorUnknown);
  if (p && device_of(p) < 0) return failed(cudaErrorInvalidValue);
  if (spoils_capture()) return failed(cudaErrorStreamCaptureUnsupported);
  if (!p) return e;
  drain_all(device_of(p));  // it waits for the device
  if (!release(p)) {        // also after an error, so that leaks are ours
    std::fprintf(stderr, "fake CUDA: something was written beside memory that is freed\n");
    sticky = cudaErrorIllegalAddress;
  }
  return failed(e ? e : sticky);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const Lock lock(mutex());
  if (const cudaError_t e = begin("cudaMemcpyAsync", cudaErrorUnknown)) return e;
  if (stream->capture != cudaStreamCaptureStatusNone && kind != cudaMemcpyDeviceToDevice) {
    stream->capture = cudaStreamCaptureStatusInvalidated;  // the host's memory is pageable
    return failed(cudaErrorStreamCaptureUnsupported);
  }
  const int device = stream->device;
  if (kind == cudaMemcpyHostToDevice) {
    if (device_of(from) >= 0) return failed(cudaErrorInvalidValue);
    const char* const bytes_of_host = static_cast<const char*>(from);
    return enqueue(stream, {Kind::from_host,
                            [=, taken = std::vector<char>(bytes_of_host, bytes_of_host + bytes)] {
                              require_memory(device, to, bytes, "copy to the device");
                              if (bytes) std::memcpy(to, taken.data(), bytes);
                            }});
  }
  if (kind == cudaMemcpyDeviceToHost) {
    if (device_of(to) >= 0) return failed(cudaErrorInvalidValue);
    return enqueue(stream, {Kind::to_host, [=] {
                              require_memory(device, from, bytes, "copy to the host");
                              if (bytes) std::memcpy(to, from, bytes);
                            }});
  }
  return enqueue(stream, {Kind::copy, [=] {
                            require_memory(device, from, bytes, "copy");
                            require_memory(device, to, bytes, "copy");
                            if (bytes) std::memmove(to, from, bytes);
                          }});
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  const Lock lock(mutex());
  if (const cudaError_t e = begin("cudaStreamCreateWithFlags", cudaErrorUnknown)) return e;
  *stream = streams.emplace_back(std::make_unique<CUstream_st>()).get();
  (*stream)->device = current_device();
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const Lock lock(mutex());
  const cudaError_t e = begin("cudaStreamDestroy", cudaErrorUnknown);
  drain(*stream);
  require_guards();
  if (capturing == stream) capturing = nullptr;
  std::erase_if(streams, [&](const auto& s) { return s.get() == stream; });
  return e;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const Lock lock(mutex());
  if (const cudaError_t e = begin("cudaStreamSynchronize", cudaErrorUnknown)) return e;
  if (stream->capture != cudaStreamCaptureStatusNone) {
    stream->capture = cudaStreamCaptureStatusInvalidated;
    return failed(cudaErrorStreamCaptureUnsupported);
  }
  drain(*stream);
  return failed(sticky);
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  const Lock lock(mutex());
  if (const cudaError_t e = begin("cudaStreamBeginCapture", cudaErrorUnknown)) return e;
  if (stream->capture != cudaStreamCaptureStatusNone) return failed(cudaErrorIllegalState);
  stream->capture = cudaStreamCaptureStatusActive;
  stream->captured.clear();
  capturing = stream;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const Lock lock(mutex());
  const cudaError_t e = begin("cudaStreamEndCapture", cudaErrorUnknown);
  const cudaStreamCaptureStatus was = stream->capture;
  if (was == cudaStreamCaptureStatusNone) return failed(cudaErrorIllegalState);
  stream->capture = cudaStreamCaptureStatusNone;
  capturing = nullptr;
  Works works = std::exchange(stream->captured, {});
  *graph = nullptr;
  if (e) return e;
  if (was == cudaStreamCaptureStatusInvalidated) return failed(cudaErrorStreamCaptureInvalidated);
  *graph = new CUgraph_st{std::move(works)};
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  const Lock lock(mutex());
  if (const cudaError_t e = begin("cudaStreamIsCapturing", cudaErrorUnknown)) return e;
  *status = stream->capture;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long) {
  const Lock lock(mutex());
  require_guards();
  if (const cudaError_t e = begin("cudaGraphInstantiate", cudaErrorMemoryAllocation)) return e;
  *executable = new CUgraphExec_st{current_device(), graph->works};
  for (const Work& work : graph->works) note(std::string("graph ") + name_of(work.kind));
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  const Lock lock(mutex());
  const cudaError_t e = begin("cudaGraphDestroy", cudaErrorUnknown);
  delete graph;
  return e;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  const Lock lock(mutex());
  if (const cudaError_t e = begin("cudaGraphLaunch", cudaErrorLaunchFailure)) return e;
  if (stream->device != current_device()) return failed(cudaErrorInvalidResourceHandle);
  for (const Work& work : executable->works)
    if (const cudaError_t e = enqueue(stream, work)) return e;
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  const Lock lock(mutex());
  const cudaError_t e = begin("cudaGraphExecDestroy", cudaErrorUnknown);
  delete executable;
  return e;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void*) {
  const Lock lock(mutex());
  if (const cudaError_t e = begin("cudaFuncGetAttributes", cudaErrorNoKernelImageForDevice))
    return e;
  *attributes = {90};
  return cudaSuccess;
}
