#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/data/image_set.h"

namespace gradus {

/// A permutation of 0 ... n - 1, n from 0 to 2^31, from (seed, epoch): Fisher and Yates' shuffle
/// (Durstenfeld 1964) on Philox words.
std::vector<int32_t> shuffled(int64_t n, uint64_t seed, int64_t epoch);

/// Batches that go through a set of `count` again and again, each epoch in an order of its own.
/// A batch is a function of (seed, epoch, position) alone, so a run can be taken up at any step.
class Batches {
 public:
  /// An epoch ends with a smaller batch where `batch_size` does not divide `count`. Throws
  /// DataError unless `count` is above 0, Error unless `batch_size` is.
  Batches(int64_t count, int64_t batch_size, uint64_t seed);
  int64_t per_epoch() const { return (count_ + batch_size_ - 1) / batch_size_; }
  /// Indices in [0, count) of the images of batch `position`, in [0, per_epoch()), of `epoch`, from
  /// 0 on; unchecked.
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
  int64_t n = 100;  ///< images in all, or of each class
};

/// "first:1000" or "per-class:100", from 1 on; throws Error for anything else.
LabelChoice parse_label_choice(const std::string& text);
/// The reverse.
std::string to_string(const LabelChoice& choice);

/// 1 for each image whose label is visible, else 0, i32 [N] on the CPU: the first n in file order,
/// or n of each class at random from `seed`; a label 10 of ten classes is a 0. Throws DataError
/// where the set has not that many.
Tensor choose_labelled(const ImageSet& set, const LabelChoice& choice, uint64_t seed);

}  // namespace gradus
