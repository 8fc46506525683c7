#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/ssgan/model/evaluate.h"

namespace gradus::ssgan {

/// What the report shows of an evaluation, into a run's folder: scores.json (epoch, classes, and
/// confusion: the images of a class, row, that are taken for one, column), mistakes.png (the most
/// confident ones) and, where it is not there, real.png (the first images). `names` are those of
/// all classes that labels and predictions have (class_labels). Throws OutputError.
void write_test_record(const std::filesystem::path& folder, int64_t epoch,
                       const Predictions& predictions, const ImageSet& test,
                       const std::vector<std::string>& names);

}  // namespace gradus::ssgan
