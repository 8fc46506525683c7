#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/ssgan/report/table.h"

namespace gradus::ssgan {

struct Sample {
  int64_t epoch;
  std::vector<std::byte> png;
  uint32_t width, height;  ///< pixels, as the file says
};

/// What a report shows of a run; what is missing is empty.
struct RunRecord {
  std::string name;
  nlohmann::ordered_json summary;  ///< an object
  nlohmann::ordered_json config;   ///< an object
  Table epochs;                    ///< by epoch
  Table metrics;                   ///< by step
  std::vector<Sample> samples;     ///< by epoch
  std::vector<std::string> notes;  ///< what could not be read
};

/// Reads at most `most_samples` (two or more) images: the first, the last, and some between. Throws
/// DataError where `run` is not a folder or a file there cannot be read.
RunRecord read_run_record(const std::filesystem::path& run, size_t most_samples);

}  // namespace gradus::ssgan
