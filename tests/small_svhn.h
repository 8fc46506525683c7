#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/mat_writer.h"
#include "tests/temp_dir.h"

namespace gradus {

/// A file as SVHN's, of images that its labels 1..10, in turn, tell apart by their brightness.
inline std::string svhn_file(int count) {
  MatWriter x{"X", {32, 32, 3, count}, {}};
  std::vector<uint8_t> labels;
  for (int n = 0; n < count; ++n) {
    const int label = n % 10 + 1;
    labels.push_back(static_cast<uint8_t>(label));
    for (int i = 0; i < 32 * 32 * 3; ++i)
      x.data += static_cast<char>(20 * label + (i * 7 + n * 13) % 50);
  }
  const MatWriter y{"y", {count, 1}, raw(labels)};
  return mat(x.compressed() + y.compressed());
}

constexpr int kSmallTrainCount = 36, kSmallTestCount = 20;

/// A folder that --data-dir can name.
class SmallSvhn {
 public:
  SmallSvhn() {
    dir_.put("train_32x32.mat", svhn_file(kSmallTrainCount));
    dir_.put("test_32x32.mat", svhn_file(kSmallTestCount));
  }
  const std::filesystem::path& path() const { return dir_.path(); }
  /// Flags of a run of 5 steps an epoch, of which the last has 4 images against 8 noise vectors.
  std::string flags() const {
    return " --data svhn --data-dir " + dir_.path().string() +
           " --batch-size 8 --labels per-class:2 --g-size-mult 2 --d-size-mult 4 ";
  }

 private:
  TempDir dir_;
};

}  // namespace gradus
