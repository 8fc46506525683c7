#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::ssgan {

/// Makes metrics.jsonl, epochs.csv, log.txt and tb/ of the run in `folder` end with step `step`,
/// for a run that goes on from there: what a crash left of later steps and of unfinished lines
/// goes. `first` is the step that the logs begin after, `per_epoch` steps are an epoch. Returns
/// what is missing, a line each. `columns` is the first line of epochs.csv. Throws ReadError,
/// before any file is touched, where one cannot be read.
inline constexpr const char
    *kEpochColumns = "epoch,step,lr,d_real,d_fake,d_class,d,g,train_accuracy,test_accuracy,seconds",
    *kValidationColumns =
        "epoch,step,lr,d_real,d_fake,d_class,d,g,train_accuracy,test_accuracy,validation_accuracy,"
        "seconds";
std::vector<std::string> cut_logs(const std::filesystem::path& folder, int64_t first, int64_t step,
                                  int64_t per_epoch, std::string_view columns = kEpochColumns);

}  // namespace gradus::ssgan
