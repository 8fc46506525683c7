#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/ssgan/report/results.h"

namespace gradus::ssgan {

/// Mean, standard deviation of a sample (n - 1; NaN of one value), lowest and highest of `count`
/// finite values; NaN where there are none.
struct Spread {
  size_t count;
  double mean, deviation, lowest, highest;
};
Spread spread_of(const std::vector<double>& values);

struct ComparedRun {
  std::string name;  ///< the folder, as it was given
  RunRecord record;
  Results results;
  std::vector<std::string> settings;  ///< of RunComparison::keys; "" where there is none
};

/// Runs whose settings are the same but for the seed.
struct RunGroup {
  std::string name;          ///< as few settings as tell it from the other groups, or "all runs"
  std::vector<size_t> runs;  ///< indices
  Spread test_accuracy, baseline_accuracy;
};

struct RunComparison {
  std::vector<std::string> keys;  ///< settings that are not the same in all runs
  std::vector<ComparedRun> runs;
  std::vector<RunGroup> groups;
};

/// Of run folders, at least one. Throws DataError where one is none, or cannot be read.
RunComparison compare_runs(const std::vector<std::filesystem::path>& folders);

/// A page (make_page) with tables of these and their curves over each other: of a group the mean of
/// its runs, and these pale below it.
std::string comparison_page(const RunComparison& comparison);

}  // namespace gradus::ssgan
