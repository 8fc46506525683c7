#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/checkpoint_files.h"
#include "tests/program.h"
#include "tests/small_svhn.h"
#include "tests/temp_dir.h"

namespace gradus {

/// Runs of the program on small files of SVHN's kind, and a folder for them.
class SmallRuns {
 public:
  /// The command that trains into `out`.
  std::string train(const std::filesystem::path& out,
                    const std::string& more = "--epochs 1") const {
    return "train" + data.flags() + more + " --out " + quoted(out);
  }
  /// Runs a command, which must succeed.
  ProgramResult ok(const std::string& line) const {
    ProgramResult r = run_program(line);
    INFO(line << "\n" << r.err);
    REQUIRE(r.status == 0);
    return r;
  }
  SmallSvhn data;
  TempDir dir;
};

/// The steps of which a run has a checkpoint.
inline std::vector<int> checkpoints(const std::filesystem::path& run) {
  std::vector<int> steps;
  for (int i = 0; i <= 100; ++i)
    if (std::filesystem::exists(checkpoint(run, i))) steps.push_back(i);
  return steps;
}

}  // namespace gradus
