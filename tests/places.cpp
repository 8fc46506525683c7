#include "tests/places.h"

namespace gradus {

std::filesystem::path source_dir() { return GRADUS_SOURCE_DIR; }

}  // namespace gradus
