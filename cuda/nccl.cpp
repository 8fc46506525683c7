#include "cuda/nccl.h"

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>

#include "cuda/check.h"

namespace gradus::cuda {
namespace {

// NCCL's functions and types, as they have been since its version 2.7; its header need not be
// there to build.
struct Id {
  char bytes[128];
};
using Comm = struct ncclComm*;
constexpr int kChar = 0;

struct Library {
  std::string reason;  ///< why there is none; empty where all below are there
  int (*version)(int*);
  const char* (*words)(int);
  int (*id)(Id*);
  int (*init)(Comm*, int ranks, Id, int rank);
  int (*destroy)(Comm);
  int (*begin)();
  int (*end)();
  int (*send)(const void*, size_t, int type, int peer, Comm, cudaStream_t);
  int (*receive)(void*, size_t, int type, int peer, Comm, cudaStream_t);
  int (*gather)(const void*, void*, size_t, int type, Comm, cudaStream_t);
  int (*broadcast)(const void*, void*, size_t, int type, int root, Comm, cudaStream_t);
};

Library open() {
  Library l{};
  void* library = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
  if (!library && *GRADUS_NCCL) library = dlopen(GRADUS_NCCL, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    l.reason = dlerror();
    return l;
  }
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
    if (!function) l.reason = fmt::format("libnccl.so.2 has no {}", name);
  };
  find(l.version, "ncclGetVersion");
  find(l.words, "ncclGetErrorString");
  find(l.id, "ncclGetUniqueId");
  find(l.init, "ncclCommInitRank");
  find(l.destroy, "ncclCommDestroy");
  find(l.begin, "ncclGroupStart");
  find(l.end, "ncclGroupEnd");
  find(l.send, "ncclSend");
  find(l.receive, "ncclRecv");
  find(l.gather, "ncclAllGather");
  find(l.broadcast, "ncclBroadcast");
  return l;
}

const Library& library() {
  static const Library once = open();
  return once;
}

void check(int status, const char* function) {
  if (status != 0) throw DeviceError(failure("", function, library().words(status), ""));
}

class Nccl final : public Communicator {
 public:
  Nccl(Communicator& hosts, Cuda& device)
      : Communicator(hosts.rank(), hosts.size()), hosts_(hosts), device_(device) {
    require<DeviceError>(library().reason.empty(), "several ranks with devices need NCCL: {}",
                         library().reason);
    Id id{};
    if (rank() == 0) check(library().id(&id), "ncclGetUniqueId");
    const std::string same = hosts.broadcast(std::string(id.bytes, sizeof id.bytes));
    std::memcpy(id.bytes, same.data(), sizeof id.bytes);
    device_.make_current();
    check(library().init(&comm_, size(), id, rank()), "ncclCommInitRank");
  }
  ~Nccl() override { library().destroy(comm_); }

  std::string describe() const override { return hosts_.describe() + ", " + nccl_version(); }
  [[noreturn]] void abort(int status) override {
    hosts_.abort(status);
    std::abort();
  }

  bool reaches(Device device) const override {
    return device.is_cpu() || device == device_.device();
  }
  void gather_bytes(const void* own, size_t bytes, void* all, Device where) override {
    if (where.is_cpu()) return hosts_.gather_bytes(own, bytes, all, where);
    check(library().gather(own, all, bytes, kChar, comm_, device_.stream_for_others()),
          "ncclAllGather");
  }
  void exchange_bytes(const void* parts, size_t bytes, void* own, Device where) override {
    if (where.is_cpu()) return hosts_.exchange_bytes(parts, bytes, own, where);
    const cudaStream_t on = device_.stream_for_others();
    check(library().begin(), "ncclGroupStart");
    for (int r = 0; r < size(); ++r) {
      const size_t at = static_cast<size_t>(r) * bytes;
      check(library().send(static_cast<const char*>(parts) + at, bytes, kChar, r, comm_, on),
            "ncclSend");
      check(library().receive(static_cast<char*>(own) + at, bytes, kChar, r, comm_, on),
            "ncclRecv");
    }
    check(library().end(), "ncclGroupEnd");
  }
  void broadcast_bytes(void* data, size_t bytes, Device where) override {
    if (where.is_cpu()) return hosts_.broadcast_bytes(data, bytes, where);
    check(library().broadcast(data, data, bytes, kChar, 0, comm_, device_.stream_for_others()),
          "ncclBroadcast");
  }

 private:
  Communicator& hosts_;
  Cuda& device_;
  Comm comm_ = nullptr;
};

}  // namespace

std::string nccl_version() {
  if (!library().reason.empty()) return "none: " + library().reason;
  int v = 0;
  check(library().version(&v), "ncclGetVersion");
  return fmt::format("NCCL {}.{}.{}", v / 10000, v % 10000 / 100, v % 100);
}

std::unique_ptr<Communicator> nccl_ranks(Communicator& hosts, Cuda& device) {
  return std::make_unique<Nccl>(hosts, device);
}

}  // namespace gradus::cuda
