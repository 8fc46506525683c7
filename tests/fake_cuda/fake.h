#pragma once

#include <cuda_runtime.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

// A CUDA without a card, for tests: the functions of the runtime, of cuBLAS and of cuDNN that cuda/
// calls. What goes to a stream is queued and runs where something waits for it, so a lifetime that
// is too short shows. The environment says what it does:
//
//   GRADUS_FAKE_DEVICES=N       so many devices (2)
//   GRADUS_FAKE_FAIL=NAME:N     the N-th call of the function fails, NAME:N+ that and all later
//                               ones, NAME:N=CODE with this code; NAME "run" is the N-th piece of
//                               work that runs: the error is found by whatever waits, and stays
//   GRADUS_FAKE_LOG=FILE        at the end: "call NAME COUNT", "graph KIND COUNT" of the last
//                               graph, "run KIND COUNT", "launch KERNEL COUNT", "engine NUMBER
//                               COUNT" a line
//   GRADUS_FAKE_COMPUTE=0       kernels and libraries compute nothing, for counts alone
//   GRADUS_FAKE_FREE=BYTES      of memory on each device (1 GiB)
//   GRADUS_FAKE_WORKSPACE=BYTES that cuDNN's engine asks for which needs a workspace
//   GRADUS_FAKE_BROKEN_ENGINE=N cuDNN's engine N makes plans and fails when it runs
namespace gradus::fake_cuda {

enum class Kind { kernel, from_host, to_host, copy, matmul, conv, exchange };

/// One piece of work in a stream.
struct Work {
  Kind kind;
  std::function<void()> run;
};
using Works = std::vector<Work>;

/// Everything here is one host thread's at a time.
using Lock = std::lock_guard<std::recursive_mutex>;
std::recursive_mutex& mutex();

/// Counts a call of `function`; where it is to fail, `natural` or the code that was asked for, or
/// an error that stays; else 0.
int enter(const char* function, int natural);
/// Where it fails, it was a fault in the queue, not a call: `run`.
inline constexpr const char* kRun = "run";

using Counts = std::map<std::string, long>;

/// Counts in the log.
void note(const std::string& what);

/// The device of this host thread.
int current_device();
/// Queues the work, or captures it; an error where the stream is of another device, or its capture
/// is not valid.
cudaError_t enqueue(cudaStream_t stream, Work work);
/// Throws std::runtime_error unless all bytes lie in one allocation of this device.
void require_memory(int device, const void* p, size_t bytes, const char* what);
/// The device of the allocation, or -1 where it is none: host memory.
int device_of(const void* p);

bool computes();
int broken_engine();
std::string setting(const char* name, const std::string& otherwise);

}  // namespace gradus::fake_cuda

/// What the log has by now: "run kernel", "launch moments_kernel". For tests in the same process,
/// by dlsym, while no other thread uses the device.
extern "C" __attribute__((visibility("default"))) const gradus::fake_cuda::Counts*
gradus_fake_cuda_counts();

struct CUstream_st {
  int device = 0;
  gradus::fake_cuda::Works queue, captured;
  cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
};
