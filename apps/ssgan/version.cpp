#include "apps/ssgan/version.h"

#include "tensor/backend.h"

namespace gradus::ssgan {

std::string version() {
  return fmt::format("ssgan {}\n{}\ncuda: not built in", GRADUS_VERSION, backend(kCpu).describe());
}

}  // namespace gradus::ssgan
