#pragma once

#include <string>

#include "apps/ssgan/report/chart.h"
#include "apps/ssgan/report/run_record.h"

namespace gradus::ssgan {

/// What a run's classes are called: "digits", "garments", "classes".
struct Words {
  std::string one, many;
};
Words words_of(const nlohmann::ordered_json& config);

/// The columns x and y of a table.
Series series(const Table& table, std::string name, std::string_view x, std::string_view y);

/// Sections of a report, as HTML; empty where the run has nothing of the kind.
/// Curves by step; `baseline` is its accuracy in the end, or NaN.
std::string training_section(const RunRecord& run, double baseline);
/// Generated images by epoch beside real ones.
std::string samples_section(const RunRecord& run);
/// scores.json and mistakes.png: accuracy by class, which classes are taken for which, the worst
/// mistakes.
std::string scores_section(const RunRecord& run);
/// inspection.json: each layer by step, and the mean features.
std::string inspection_section(const RunRecord& run);

}  // namespace gradus::ssgan
