#include "tensor/allocator.h"

#include <algorithm>

#include "tensor/error.h"

namespace gradus {
namespace {

size_t rounded(size_t bytes) {
  const size_t unit = bytes < (size_t{1} << 20) ? 512 : size_t{1} << 16;
  return std::max<size_t>(1, (bytes + unit - 1) / unit) * unit;
}

}  // namespace

void* CachingAllocator::allocate(size_t bytes) {
  const std::lock_guard lock(mutex_);
  require<DeviceError>(bytes <= size_t{1} << 62, "{}: a request of {} bytes is out of range", name_,
                       bytes);
  size_t size = rounded(bytes);
  void* p = nullptr;
  if (const auto it = free_.lower_bound(size); it != free_.end() && it->first <= size + size / 4) {
    size = it->first;
    p = it->second;
    free_.erase(it);
    stats_.cached_bytes -= size;
  } else {
    ++stats_.raw_calls;
    p = raw_.allocate(size);
    if (!p) {
      trim_locked();
      p = raw_.allocate(size);
    }
    require<DeviceError>(p, "{}: out of memory for {} bytes; live {} bytes in {} blocks, peak {}",
                         name_, bytes, stats_.live_bytes, stats_.live_blocks, stats_.peak_bytes);
  }
  live_[p] = size;
  ++stats_.live_blocks;
  stats_.live_bytes += size;
  stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.live_bytes);
  return p;
}

void CachingAllocator::release(void* p) noexcept {
  const std::lock_guard lock(mutex_);
  const auto it = live_.find(p);
  const size_t size = it->second;
  live_.erase(it);
  --stats_.live_blocks;
  stats_.live_bytes -= size;
  stats_.cached_bytes += size;
  free_.emplace(size, p);
}

void CachingAllocator::trim() {
  const std::lock_guard lock(mutex_);
  trim_locked();
}

void CachingAllocator::trim_locked() {
  for (const auto& [size, p] : free_) raw_.release(p, size);
  free_.clear();
  stats_.cached_bytes = 0;
}

CachingAllocator::Stats CachingAllocator::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void CachingAllocator::reset_peak() {
  const std::lock_guard lock(mutex_);
  stats_.peak_bytes = stats_.live_bytes;
}

}  // namespace gradus
