#pragma once

#include <filesystem>

namespace gradus::ssgan {

/// Writes `path`/report.html: one page that needs nothing else, made from what the run folder
/// holds:
///   summary.json         results: test_accuracy, train_accuracy, baseline_accuracy (fractions),
///                        protocol (text), steps, seconds
///   epochs.csv           epoch,step,lr,d_real,d_fake,d_class,d,g,train_accuracy,test_accuracy,
///                        seconds
///   metrics.jsonl        an object a step: step, epoch, lr, d_real, d_fake, d_class, d, g
///   samples/epoch_N.png  generated images; six of them at most are shown
///   config.json          settings
/// Each may be missing, and a run that still goes on gives a report of what is there; a part that
/// is damaged is left out, and the page says so. Throws DataError where `path` is not a folder or
/// what is there cannot be read, OutputError where the page cannot be written.
/// Refresh::yes: a browser that shows it reads it again every half minute.
enum class Refresh { no, yes };
void write_report(const std::filesystem::path& path, Refresh refresh = Refresh::no);

}  // namespace gradus::ssgan
