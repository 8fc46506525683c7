#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/study/run_at.h"

namespace gradus::ssgan {

/// Which step a command looks into: one of a run, or the first one with fresh weights.
class StudyFlags {
 public:
  void add(CLI::App& app);
  /// Before that step. Throws UsageError for flags that do not go together, and as RunAt.
  std::unique_ptr<RunAt> open() const;
  /// The run's name, or "fresh weights".
  std::string title() const;

 private:
  OptionFlags options_;
  RuntimeFlags runtime_;
  std::filesystem::path run_;
  std::optional<int64_t> step_;
};

/// Checks that a name of a file ends in `extension` or in nothing.
CLI::Validator ending_in(const std::string& extension);

}  // namespace gradus::ssgan
