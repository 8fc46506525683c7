#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "tensor/allocator.h"

namespace gradus::cpu {

/// The host's memory, 64-byte aligned, through a CachingAllocator. With guard bands on, each block
/// lies between two bands of a known pattern that are checked when it is released: a test's way to
/// see a kernel write outside its output.
class Memory {
 public:
  Memory();
  /// Throws DeviceError where memory is out.
  void* allocate(size_t bytes);
  void release(void* p) noexcept;
  CachingAllocator& allocator() { return allocator_; }

  void use_guard_bands(bool on) { guard_ = on; }
  /// Blocks that were released with a band damaged.
  int64_t damaged_bands() const { return damaged_; }

 private:
  void* block_of(size_t bytes);
  void give_back(void* p) noexcept;

  CachingAllocator allocator_;
  std::mutex mutex_;
  bool guard_ = false;
  int64_t damaged_ = 0;
  std::unordered_map<void*, size_t> guarded_;
};

}  // namespace gradus::cpu
