#pragma once

#include <string>

namespace gradus::ssgan {

/// What `ssgan --version` prints: versions, and whether CUDA is built in.
std::string version();

}  // namespace gradus::ssgan
