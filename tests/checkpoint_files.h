#pragma once

#include <fmt/format.h>

#include <filesystem>

#include "tensor/file.h"
#include "tests/catch.h"

namespace gradus {

/// As docs/formats.md has it, and not as the program computes it.
inline std::filesystem::path checkpoint(const std::filesystem::path& run, int step) {
  return run / "checkpoints" / fmt::format("step_{:08}.safetensors", step);
}

inline void check_same_file(const std::filesystem::path& a, const std::filesystem::path& b) {
  INFO(a << " and " << b);
  CHECK((read_file(a) == read_file(b)));  // not printed: they are long
}

}  // namespace gradus
