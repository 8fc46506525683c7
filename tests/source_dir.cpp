#include "tests/source_dir.h"

#include <cstdlib>

namespace gradus {

std::filesystem::path source_dir() {
  const char* moved = std::getenv("GRADUS_SOURCE_DIR");
  return moved ? moved : GRADUS_SOURCE_DIR;
}

}  // namespace gradus
