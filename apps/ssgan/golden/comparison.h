#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tensor/safetensors.h"

namespace gradus::ssgan {

/// One tensor of a step beside another program's.
struct Comparison {
  std::string name;
  double error = 0;      ///< largest difference over the largest expected value; NaN is an error
  bool skipped = false;  ///< not compared: what is expected there is rounding noise
  std::string problem;   ///< "missing" or what is wrong with its shape
};

/// Compares with `case_dir`/expected.safetensors by the rules of `case_dir`/case.json. Where fewer
/// images or steps are expected than came, or fewer steps came, the leading ones count. A gradient
/// that case.json has as 0 is held against its network's largest. Throws DataError that names the
/// file where one is missing or damaged.
std::vector<Comparison> compare_with_case(const TensorFile& actual,
                                          const std::filesystem::path& case_dir);

}  // namespace gradus::ssgan
