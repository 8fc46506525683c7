#pragma once

#include <string>

namespace gradus::ssgan {

/// What `ssgan --version` prints: versions, and whether CUDA and MPI are there.
std::string version();
/// "ssgan 0.2.0 (commit 1234567)": its first line.
std::string program_version();

}  // namespace gradus::ssgan
