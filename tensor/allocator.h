#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>

namespace gradus {

/// Keeps freed blocks by rounded size and hands them out again: best fit, at most 1.25 times the
/// request. All work of a device runs in one order, so a block can be used again as soon as the
/// host lets go.
///
/// Blocks belong to pools, and a freed one is handed out again by its own pool alone. Pool 0 is for
/// everything; a recorded graph, which holds on to addresses, has one of its own. There only the
/// exact size fits, so work that repeats itself finds every block from the second time on.
class CachingAllocator {
 public:
  using Pool = int;
  struct Raw {
    std::function<void*(size_t)> allocate;  ///< null where there is no memory left
    std::function<void(void*, size_t)> release;
  };
  struct Stats {
    size_t live_blocks = 0;
    size_t live_bytes = 0;    ///< handed out now
    size_t cached_bytes = 0;  ///< kept for the next request
    size_t peak_bytes = 0;    ///< most that was handed out at one time
    size_t raw_calls = 0;     ///< allocations that the cache could not serve
  };

  CachingAllocator(std::string name, Raw raw) : name_(std::move(name)), raw_(std::move(raw)) {}
  ~CachingAllocator();
  CachingAllocator(const CachingAllocator&) = delete;
  CachingAllocator& operator=(const CachingAllocator&) = delete;

  /// Throws DeviceError that tells the request, its Scope and what is live where memory is out, and
  /// for more than 2^62 bytes.
  void* allocate(size_t bytes);
  /// Of what `allocate` gave, unchecked.
  void release(void* p) noexcept;
  /// Gives pool 0's cached blocks back to the system.
  void trim();

  Pool make_pool();
  /// Requests go to this pool, 0 or one that make_pool gave, from now on; returns the one before.
  /// Where it must not `grow`, a request that its cache cannot serve throws DeviceError.
  Pool use_pool(Pool pool, bool grow = true);
  /// Gives the pool's cached blocks back to the system; live ones join pool 0 when released.
  void drop_pool(Pool pool);

  Stats stats() const;
  /// peak_bytes becomes live_bytes.
  void reset_peak();

 private:
  using Blocks = std::multimap<size_t, void*>;
  struct Live {
    Blocks::node_type block;  ///< as it was in the cache, and will be: to release claims no memory
    Pool pool;
  };

  Blocks::iterator find(Blocks& free, size_t size) const;
  void* from_system(size_t size, size_t bytes);
  void give_back(Blocks& free);

  std::string name_;
  Raw raw_;
  mutable std::mutex mutex_;
  Stats stats_;
  std::map<Pool, Blocks> free_{{0, {}}};
  std::unordered_map<void*, Live> live_;
  Pool pool_ = 0, next_pool_ = 1;
  bool may_grow_ = true;
};

}  // namespace gradus
