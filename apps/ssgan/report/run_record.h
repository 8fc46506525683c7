#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/ssgan/report/table.h"
#include "nn/data/picture.h"

namespace gradus::ssgan {

struct Sample {
  int64_t epoch;
  Picture picture;
};

/// What a report shows of a run; what is missing is empty.
struct RunRecord {
  std::string name;
  nlohmann::ordered_json summary;     ///< an object
  nlohmann::ordered_json config;      ///< an object
  nlohmann::ordered_json scores;      ///< an object: scores.json
  nlohmann::ordered_json inspection;  ///< an object: inspection.json
  Table epochs;                       ///< by epoch
  Table baseline;                     ///< by epoch, of the run in baseline/
  Table metrics;                      ///< by step
  std::vector<Sample> samples;        ///< by epoch
  Picture real, mistakes;             ///< of test images
  std::vector<std::string> notes;     ///< what could not be read
};

/// Reads at most `most_samples` (two or more) images: the first, the last, and some between. Throws
/// DataError where `run` is not a folder or a file there cannot be read.
RunRecord read_run_record(const std::filesystem::path& run, size_t most_samples);

}  // namespace gradus::ssgan
