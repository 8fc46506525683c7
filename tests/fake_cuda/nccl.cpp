#include <cuda_runtime.h>
#include <stdlib.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "tests/fake_cuda/fake.h"

// NCCL among processes on this machine: what a rank sends lies in a file of a folder that all know
// until the other has it. libnccl.so.2 is a link to the fake CUDA.

using namespace gradus::fake_cuda;
namespace fs = std::filesystem;

struct ncclComm {
  fs::path folder;
  int device, ranks, rank;
  long sent = 0;
};

namespace {

struct Id {
  char folder[128];
};
constexpr int kInvalidArgument = 4, kInvalidUsage = 5, kSystemError = 2;

/// A part of an exchange: to a rank where `from` is set, else from one.
struct Part {
  const void* from;
  void* to;
  size_t bytes;
  int peer;
};
struct Group {
  bool open = false;
  std::vector<Part> parts;
  ncclComm* comm = nullptr;
  cudaStream_t stream = nullptr;
} group;

fs::path file_of(const ncclComm& c, long number, int from, int to) {
  return c.folder /
         (std::to_string(number) + "." + std::to_string(from) + "." + std::to_string(to));
}

void exchange(ncclComm& c, const std::vector<Part>& parts) {
  const long number = c.sent++;
  for (const Part& p : parts) {
    if (!p.from) continue;
    require_memory(c.device, p.from, p.bytes, "exchange");
    const fs::path file = file_of(c, number, c.rank, p.peer), draft = file.string() + ".draft";
    std::ofstream(draft, std::ios::binary)
        .write(static_cast<const char*>(p.from), static_cast<std::streamsize>(p.bytes));
    fs::rename(draft, file);
  }
  for (const Part& p : parts) {
    if (!p.to) continue;
    require_memory(c.device, p.to, p.bytes, "exchange");
    const fs::path file = file_of(c, number, p.peer, c.rank);
    for (int waited = 0; !fs::exists(file); ++waited) {
      if (waited > 600000) throw std::runtime_error("nobody sends");
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    if (fs::file_size(file) != p.bytes) throw std::runtime_error("another size was sent");
    std::ifstream(file, std::ios::binary)
        .read(static_cast<char*>(p.to), static_cast<std::streamsize>(p.bytes));
    fs::remove(file);
  }
}

/// Its place in the stream; outside captures it runs at once, as another rank may wait for it.
int enqueue(ncclComm* c, cudaStream_t stream, std::vector<Part> parts) {
  if (c->device != current_device() || stream->device != c->device) return kInvalidArgument;
  const bool captures = stream->capture != cudaStreamCaptureStatusNone;
  if (gradus::fake_cuda::enqueue(
          stream, {Kind::exchange, [c, parts = std::move(parts)] { exchange(*c, parts); }}))
    return kSystemError;
  return captures || cudaStreamSynchronize(stream) == cudaSuccess ? 0 : kSystemError;
}

int add(const char* function, Part part, int type, ncclComm* c, cudaStream_t stream) {
  const Lock lock(mutex());
  if (const int injected = enter(function, kSystemError)) return injected;
  if (type != 0 || part.peer < 0 || part.peer >= c->ranks) return kInvalidArgument;
  if (!group.open || (group.comm && (group.comm != c || group.stream != stream)))
    return kInvalidUsage;  // alone, ranks that send to each other would wait for ever
  group.parts.push_back(part);
  group.comm = c;
  group.stream = stream;
  return 0;
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

int ncclGetVersion(int* version) {
  *version = 22707;
  return 0;
}

const char* ncclGetErrorString(int status) {
  return status == kInvalidArgument ? "invalid argument"
         : status == kInvalidUsage  ? "invalid usage"
                                    : "unhandled system error";
}

int ncclGetUniqueId(Id* id) {
  const Lock lock(mutex());
  if (const int injected = enter("ncclGetUniqueId", kSystemError)) return injected;
  const std::string name = (fs::temp_directory_path() / "gradus-nccl-XXXXXX").string();
  if (name.size() >= sizeof id->folder) return kSystemError;
  std::strcpy(id->folder, name.c_str());
  return mkdtemp(id->folder) ? 0 : kSystemError;
}

int ncclCommInitRank(ncclComm** comm, int ranks, Id id, int rank) {
  const Lock lock(mutex());
  if (const int injected = enter("ncclCommInitRank", kSystemError)) return injected;
  if (rank < 0 || rank >= ranks || !fs::exists(id.folder)) return kInvalidArgument;
  *comm = new ncclComm{id.folder, current_device(), ranks, rank};
  return 0;
}

int ncclCommDestroy(ncclComm* comm) {
  const Lock lock(mutex());
  if (const int injected = enter("ncclCommDestroy", kSystemError)) return injected;
  std::error_code not_empty;  // another rank still has to take its last part
  fs::remove(comm->folder, not_empty);
  delete comm;
  return 0;
}

int ncclGroupStart() {
  const Lock lock(mutex());
  if (const int injected = enter("ncclGroupStart", kSystemError)) return injected;
  group = {};
  group.open = true;
  return 0;
}

int ncclGroupEnd() {
  const Lock lock(mutex());
  if (const int injected = enter("ncclGroupEnd", kSystemError)) return injected;
  const Group whole = std::exchange(group, {});
  if (!whole.open) return kInvalidUsage;
  return whole.comm ? enqueue(whole.comm, whole.stream, whole.parts) : 0;
}

int ncclSend(const void* from, size_t bytes, int type, int peer, ncclComm* c, cudaStream_t stream) {
  return add("ncclSend", {from, nullptr, bytes, peer}, type, c, stream);
}

int ncclRecv(void* to, size_t bytes, int type, int peer, ncclComm* c, cudaStream_t stream) {
  return add("ncclRecv", {nullptr, to, bytes, peer}, type, c, stream);
}

int ncclAllGather(const void* own, void* all, size_t bytes, int type, ncclComm* c,
                  cudaStream_t stream) {
  const Lock lock(mutex());
  if (const int injected = enter("ncclAllGather", kSystemError)) return injected;
  if (type != 0) return kInvalidArgument;
  std::vector<Part> parts;
  for (int r = 0; r < c->ranks; ++r) {
    parts.push_back({own, nullptr, bytes, r});
    parts.push_back({nullptr, static_cast<char*>(all) + static_cast<size_t>(r) * bytes, bytes, r});
  }
  return enqueue(c, stream, std::move(parts));
}

int ncclBroadcast(const void* from, void* to, size_t bytes, int type, int root, ncclComm* c,
                  cudaStream_t stream) {
  const Lock lock(mutex());
  if (const int injected = enter("ncclBroadcast", kSystemError)) return injected;
  if (type != 0 || root < 0 || root >= c->ranks) return kInvalidArgument;
  std::vector<Part> parts;
  for (int r = 0; c->rank == root && r < c->ranks; ++r) parts.push_back({from, nullptr, bytes, r});
  parts.push_back({nullptr, to, bytes, root});
  return enqueue(c, stream, std::move(parts));
}

}  // extern "C"
#pragma GCC visibility pop
