#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/data/image_set.h"

namespace gradus {

/// A permutation of 0 ... n - 1 from (seed, epoch): Fisher-Yates on Philox words.
std::vector<int32_t> shuffled(int64_t n, uint64_t seed, int64_t epoch);

/// Batches that go through a set of `count` again and again, each epoch in an order of its own.
/// Batch `step` is a function of (seed, step) alone, so a run can be taken up at any step.
class Batches {
 public:
  /// An epoch ends with a smaller batch where `batch_size` does not divide `count`.
  Batches(int64_t count, int64_t batch_size, uint64_t seed);
  int64_t per_epoch() const { return (count_ + batch_size_ - 1) / batch_size_; }
  /// The images of batch `position` of `epoch`.
  std::vector<int32_t> at(int64_t epoch, int64_t position);

 private:
  int64_t count_, batch_size_;
  uint64_t seed_;
  int64_t epoch_ = -1;
  std::vector<int32_t> order_;
};

/// Which training images show their label.
struct LabelChoice {
  enum class Kind { first, per_class } kind = Kind::per_class;
  int64_t n = 100;
};

/// "first:1000" or "per-class:100"; throws Error for anything else.
LabelChoice parse_label_choice(const std::string& text);
std::string to_string(const LabelChoice& choice);

/// 1 for each image whose label is visible, i32 [N]: the first n in file order, or n of each class
/// at random from `seed`. Throws DataError where the set has not that many.
Tensor choose_labelled(const ImageSet& set, const LabelChoice& choice, uint64_t seed);

}  // namespace gradus
