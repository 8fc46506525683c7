#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "tests/temp_dir.h"

// In the place of libFuzzer, for compilers without it: runs the harness over the files in folders,
// and over the same so many changed copies of them each time.

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr int kCopies = 2000;

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

/// One to four changes: a bit, a block set, removed or repeated, the end cut off.
std::string changed(std::string input, std::mt19937& random) {
  for (auto left = 1 + random() % 4; left > 0 && !input.empty(); --left) {
    const size_t at = random() % input.size();
    const size_t size = std::min<size_t>(1 + random() % 16, input.size() - at);
    switch (random() % 5) {
      case 0:
        input[at] = static_cast<char>(input[at] ^ 1 << random() % 8);
        break;
      case 1:
        input.replace(at, size, size, "\0\x7f\x80\xff"[random() % 4]);
        break;
      case 2:
        input.erase(at, size);
        break;
      case 3:
        input.insert(at, input.substr(at, size));
        break;
      default:
        input.resize(at);
        break;
    }
  }
  return input;
}

}  // namespace

int main(int count, char** words) {
  std::vector<std::filesystem::path> paths;
  for (int i = 1; i < count; ++i)
    for (const auto& entry : std::filesystem::directory_iterator(words[i]))
      paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<std::string> inputs;
  for (const auto& path : paths) {
    std::cout << path.string() << std::endl;
    inputs.push_back(gradus::text_of(path));
    run(inputs.back());
  }
  std::mt19937 random(1);
  for (int copy = 0; copy < kCopies && !inputs.empty(); ++copy) {
    const size_t of = random() % inputs.size();
    std::cout << "changed copy " << copy << ", of " << paths[of].filename() << std::endl;
    run(changed(inputs[of], random));
  }
  std::cout << inputs.size() << " inputs\n";
  return inputs.empty();
}
