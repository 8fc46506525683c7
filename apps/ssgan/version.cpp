#include "apps/ssgan/version.h"

#include <gradus/version.h>

#include "tensor/cuda_plugin.h"
#include "tensor/mpi_plugin.h"

namespace gradus::ssgan {

std::string program_version() {
  const std::string commit = GRADUS_COMMIT;  // empty where it was built from no clone
  return fmt::format("ssgan {}{}", kVersion, commit.empty() ? "" : " (commit " + commit + ")");
}

std::string version() {
  const CudaReport cuda = cuda_report();
  return fmt::format(
      "{}\n{}\ncuda: {}\n      {}\nnccl: {}\nmpi:  {}", program_version(), backend(kCpu).describe(),
      cuda.build.empty() ? "not built in" : "built for " + cuda.build,
      cuda.devices ? cuda.device : "none used: " + cuda.reason, cuda.nccl, mpi_report());
}

}  // namespace gradus::ssgan
