#include "apps/ssgan/commands/version.h"

#include <gradus/version.h>

#include "tensor/cuda_plugin.h"

namespace gradus::ssgan {

std::string version() {
  const CudaReport cuda = cuda_report();
  return fmt::format("ssgan {}\n{}\ncuda: {}\n      {}", kVersion, backend(kCpu).describe(),
                     cuda.build.empty() ? "not built in" : "built for " + cuda.build,
                     cuda.devices ? cuda.device : "none used: " + cuda.reason);
}

}  // namespace gradus::ssgan
