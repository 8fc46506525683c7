#include "tensor/allocator.h"

#include <algorithm>
#include <utility>

#include "tensor/error.h"
#include "tensor/scope.h"

namespace gradus {
namespace {

size_t rounded(size_t bytes) {
  const size_t unit = bytes < (size_t{1} << 20) ? 512 : size_t{1} << 16;
  return std::max<size_t>(1, (bytes + unit - 1) / unit) * unit;
}

std::string purpose() {
  const std::string path = Scope::path();
  return path.empty() ? path : " for " + path;
}

}  // namespace

CachingAllocator::~CachingAllocator() {
  for (auto& [pool, free] : free_) give_back(free);
}

CachingAllocator::Blocks::iterator CachingAllocator::find(Blocks& free, size_t size) const {
  if (pool_ != 0) return free.find(size);
  const auto it = free.lower_bound(size);
  return it != free.end() && it->first <= size + size / 4 ? it : free.end();
}

void CachingAllocator::give_back(Blocks& free) {
  for (const auto& [size, p] : free) {
    raw_.release(p, size);
    stats_.cached_bytes -= size;
  }
  free.clear();
}

void* CachingAllocator::from_system(size_t size, size_t bytes) {
  require<DeviceError>(may_grow_,
                       "{}: {} bytes{} in a recording whose memory was planned without them", name_,
                       bytes, purpose());
  ++stats_.raw_calls;
  void* p = raw_.allocate(size);
  if (!p) {
    give_back(free_.at(0));
    p = raw_.allocate(size);
  }
  require<DeviceError>(p, "{}: out of memory for {} bytes{}; live {} bytes in {} blocks, peak {}",
                       name_, bytes, purpose(), stats_.live_bytes, stats_.live_blocks,
                       stats_.peak_bytes);
  return p;
}

void* CachingAllocator::allocate(size_t bytes) {
  const std::lock_guard lock(mutex_);
  require<DeviceError>(bytes <= size_t{1} << 62, "{}: a request of {} bytes is out of range", name_,
                       bytes);
  const size_t wanted = rounded(bytes);
  Blocks& free = free_.at(pool_);
  auto it = find(free, wanted);
  if (it == free.end()) {
    Blocks made{{wanted, nullptr}};  // before the block is, which so cannot be lost
    made.begin()->second = from_system(wanted, bytes);
    it = free.insert(made.extract(made.begin()));
    stats_.cached_bytes += wanted;
  }
  const auto [size, p] = *it;
  Live& live = live_[p];
  live = {free.extract(it), pool_};
  stats_.cached_bytes -= size;
  ++stats_.live_blocks;
  stats_.live_bytes += size;
  stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.live_bytes);
  return p;
}

void CachingAllocator::release(void* p) noexcept {
  const std::lock_guard lock(mutex_);
  const auto it = live_.find(p);
  auto [block, pool] = std::move(it->second);
  live_.erase(it);
  const size_t size = block.key();
  --stats_.live_blocks;
  stats_.live_bytes -= size;
  stats_.cached_bytes += size;
  const auto own = free_.find(pool);
  Blocks& free = own != free_.end() ? own->second : free_.at(0);
  // In front of others of its size: what was used last is still in the caches.
  free.insert(free.lower_bound(size), std::move(block));
}

void CachingAllocator::trim() {
  const std::lock_guard lock(mutex_);
  give_back(free_.at(0));
}

CachingAllocator::Pool CachingAllocator::make_pool() {
  const std::lock_guard lock(mutex_);
  free_[next_pool_];
  return next_pool_++;
}

CachingAllocator::Pool CachingAllocator::use_pool(Pool pool, bool grow) {
  const std::lock_guard lock(mutex_);
  may_grow_ = grow;
  return std::exchange(pool_, pool);
}

void CachingAllocator::drop_pool(Pool pool) {
  const std::lock_guard lock(mutex_);
  give_back(free_.at(pool));
  free_.erase(pool);
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
