#include <mpi.h>

#include <limits>

#include "tensor/mpi_plugin.h"
#include "tensor/plugin_abi.h"

namespace gradus {
namespace {

std::string library_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  // "Open MPI v4.1.4, package: ...", "MPICH Version:      4.0.2\nMPICH Release date: ..."
  std::string line(text, static_cast<size_t>(length));
  line = line.substr(0, line.find_first_of(",\n"));
  if (const size_t v = line.find(" v"); v != line.npos) line.erase(v + 1, 1);
  if (const size_t words = line.find(" Version:"); words != line.npos)
    line = line.substr(0, words) + " " + line.substr(line.find_last_of(" \t") + 1);
  return line;
}

/// Of MPI_COMM_WORLD. What fails there ends all ranks, MPI's default.
class Mpi final : public Communicator {
 public:
  Mpi(int rank, int size) : Communicator(rank, size) {}
  ~Mpi() override { MPI_Finalize(); }
  std::string describe() const override { return library_version(); }
  [[noreturn]] void abort(int status) override {
    MPI_Abort(MPI_COMM_WORLD, status);
    std::abort();
  }

 private:
  static int as_count(size_t bytes) {
    require<Error>(bytes <= static_cast<size_t>(std::numeric_limits<int>::max()),
                   "MPI: a message of {} bytes; 2 GB are the most", bytes);
    return static_cast<int>(bytes);
  }
  void gather_bytes(const void* own, size_t bytes, void* all, Device) override {
    MPI_Allgather(own, as_count(bytes), MPI_BYTE, all, as_count(bytes), MPI_BYTE, MPI_COMM_WORLD);
  }
  void exchange_bytes(const void* parts, size_t bytes, void* own, Device) override {
    MPI_Alltoall(parts, as_count(bytes), MPI_BYTE, own, as_count(bytes), MPI_BYTE, MPI_COMM_WORLD);
  }
  void broadcast_bytes(void* data, size_t bytes, Device) override {
    MPI_Bcast(data, as_count(bytes), MPI_BYTE, 0, MPI_COMM_WORLD);
  }
};

Communicator* start(std::string& reason) {
  int given = 0, rank = 0, size = 1;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &given) != MPI_SUCCESS) {
    reason = "MPI_Init_thread fails";
    return nullptr;
  }
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return new Mpi(rank, size);
}

constexpr MpiPlugin kPlugin{kPluginAbi, library_version, start};

}  // namespace
}  // namespace gradus

extern "C" __attribute__((visibility("default"))) const gradus::MpiPlugin* gradus_mpi_plugin() {
  return &gradus::kPlugin;
}
