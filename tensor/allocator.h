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
class CachingAllocator {
 public:
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
  ~CachingAllocator() { trim(); }
  CachingAllocator(const CachingAllocator&) = delete;
  CachingAllocator& operator=(const CachingAllocator&) = delete;

  /// Throws DeviceError that tells the request and what is live where memory is out.
  void* allocate(size_t bytes);
  void release(void* p) noexcept;
  /// Gives cached blocks back to the system.
  void trim();
  Stats stats() const;
  void reset_peak();

 private:
  void trim_locked();

  std::string name_;
  Raw raw_;
  mutable std::mutex mutex_;
  Stats stats_;
  std::multimap<size_t, void*> free_;
  std::unordered_map<void*, size_t> live_;
};

}  // namespace gradus
