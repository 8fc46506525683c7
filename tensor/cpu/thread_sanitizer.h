#pragma once

// Of ThreadSanitizer's library, where a program is built with it; null elsewhere.
extern "C" {
[[gnu::weak]] void __tsan_acquire(void* address);  // NOLINT: its name
[[gnu::weak]] void __tsan_release(void* address);  // NOLINT: its name
}

namespace gradus::cpu {

/// Tells ThreadSanitizer what it cannot see, since libgomp is built without it: a parallel region's
/// threads begin after what stands before the region and end before what stands behind it. What
/// they do to each other it still checks.
class ParallelRegion {
 public:
  ParallelRegion() { release(begin_); }
  ~ParallelRegion() { acquire(end_); }
  ParallelRegion(const ParallelRegion&) = delete;
  ParallelRegion& operator=(const ParallelRegion&) = delete;
  void begin_part() { acquire(begin_); }
  void end_part() { release(end_); }

 private:
  static void acquire(char& at) {
    if (__tsan_acquire) __tsan_acquire(&at);
  }
  static void release(char& at) {
    if (__tsan_release) __tsan_release(&at);
  }
  char begin_ = 0, end_ = 0;  // addresses alone
};

}  // namespace gradus::cpu
