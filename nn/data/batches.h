#pragma once

#include <cstdint>
#include <vector>

#include "tensor/random.h"

namespace gradus {

/// A permutation of 0 ... n - 1, n from 0 to 2^31, from (seed, epoch, stream): Fisher and Yates'
/// shuffle (Durstenfeld 1964) on Philox words.
std::vector<int32_t> shuffled(int64_t n, uint64_t seed, int64_t epoch,
                              Stream stream = Stream::shuffle);

/// Batches that go through a set of `count` again and again, each epoch in an order of its own.
/// A batch is a function of (seed, epoch, position) alone, so a run can be taken up at any step.
class Batches {
 public:
  /// An epoch ends with a smaller batch where `batch_size` does not divide `count`. Throws
  /// DataError unless `count` is above 0, Error unless `batch_size` is.
  Batches(int64_t count, int64_t batch_size, uint64_t seed);
  int64_t per_epoch() const { return (count_ + batch_size_ - 1) / batch_size_; }
  /// Indices in [0, count) of the images of batch `position`, in [0, per_epoch()), of `epoch`, from
  /// 0 on. Throws Error beyond these.
  std::vector<int32_t> at(int64_t epoch, int64_t position);

 private:
  int64_t count_, batch_size_;
  uint64_t seed_;
  int64_t epoch_ = -1;
  std::vector<int32_t> order_;
};

}  // namespace gradus
