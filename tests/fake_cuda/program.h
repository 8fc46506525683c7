#pragma once

#include <filesystem>
#include <map>
#include <sstream>
#include <string>

#include "tests/program.h"
#include "tests/temp_dir.h"

namespace gradus {

using Environment = std::map<std::string, std::string>;

/// Runs ssgan beside the plug-in of tests/fake_cuda/, whose settings fake.h lists.
ProgramResult run_on_fake_cuda(const std::string& line, Environment environment = {});

/// What GRADUS_FAKE_LOG has written: "call cudaMalloc" and how often.
inline std::map<std::string, int> read_log(const std::filesystem::path& file) {
  std::istringstream in(text_of(file));
  std::map<std::string, int> counts;
  for (std::string line; std::getline(in, line);) {
    const size_t space = line.rfind(' ');
    counts[line.substr(0, space)] = std::stoi(line.substr(space + 1));
  }
  return counts;
}

}  // namespace gradus
