#pragma once

#include <filesystem>

#include "apps/ssgan/report/page.h"

namespace gradus::ssgan {

/// Writes `path`/report.html: one page that needs nothing else, made from what the run folder
/// holds:
///   summary.json         results: test_accuracy, train_accuracy, baseline_accuracy (fractions),
///                        protocol (text), steps, seconds
///   epochs.csv           epoch,step,lr,d_real,d_fake,d_class,d,g,train_accuracy,test_accuracy,
///                        seconds
///   metrics.jsonl        an object a step: step, epoch, lr, d_real, d_fake, d_class, d, g
///   samples/epoch_N.png  generated images; 24 of them at most are shown
///   scores.json, mistakes.png, real.png
///                        of test images: confusion matrix, mistakes, a few (run/test_record.h)
///   inspection.json      what `ssgan inspect --report` found in some steps
///   baseline/epochs.csv  its accuracy
///   config.json          settings
/// Each may be missing, and a run that still goes on gives a report of what is there; a part that
/// is damaged is left out, and the page says so. Throws DataError where `path` is not a folder or
/// what is there cannot be read, OutputError where the page cannot be written.
void write_report(const std::filesystem::path& path, Refresh refresh = Refresh::no);

}  // namespace gradus::ssgan
