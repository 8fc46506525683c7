#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <vector>

#include "tests/temp_dir.h"

// In the place of libFuzzer, for compilers without it: runs the harness over the files in folders.

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int count, char** words) {
  std::vector<std::filesystem::path> inputs;
  for (int i = 1; i < count; ++i)
    for (const auto& entry : std::filesystem::directory_iterator(words[i]))
      inputs.push_back(entry.path());
  std::ranges::sort(inputs);
  for (const auto& path : inputs) {
    std::cout << path.string() << std::endl;
    const std::string input = gradus::text_of(path);
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
  }
  std::cout << inputs.size() << " inputs\n";
  return inputs.empty();
}
