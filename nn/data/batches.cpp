#include "nn/data/batches.h"

#include <algorithm>
#include <numeric>

#include "tensor/error.h"
#include "tensor/philox.h"

namespace gradus {

std::vector<int32_t> shuffled(int64_t n, uint64_t seed, int64_t epoch, Stream stream) {
  std::vector<int32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = n - 1; i > 0; --i) {
    const PhiloxBlock block =
        philox4x32({{static_cast<uint32_t>(i), static_cast<uint32_t>(epoch),
                     static_cast<uint32_t>(epoch >> 32), static_cast<uint32_t>(stream)}},
                   static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
    const uint64_t word = uint64_t{block.v[0]} << 32 | block.v[1];
    std::swap(order[i], order[word % static_cast<uint64_t>(i + 1)]);
  }
  return order;
}

Batches::Batches(int64_t count, int64_t batch_size, uint64_t seed)
    : count_(count), batch_size_(batch_size), seed_(seed) {
  require<DataError>(count > 0, "batches: the set is empty");
  require<Error>(batch_size > 0, "batches: the batch size must be positive, got {}", batch_size);
}

std::vector<int32_t> Batches::at(int64_t epoch, int64_t position) {
  require(epoch >= 0 && position >= 0 && position < per_epoch(),
          "batches: batch {} of epoch {}; epochs count from 0, batches from 0 to {}", position,
          epoch, per_epoch() - 1);
  if (epoch != epoch_) {
    order_ = shuffled(count_, seed_, epoch);
    epoch_ = epoch;
  }
  const auto begin = order_.begin() + position * batch_size_;
  return {begin, begin + std::min(batch_size_, count_ - position * batch_size_)};
}

}  // namespace gradus
