#include "tensor/cpu/memory.h"

#include <malloc.h>
#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace gradus::cpu {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kBand = 256;
constexpr unsigned char kPattern = 0xA5;

bool intact(const unsigned char* band) {
  return std::all_of(band, band + kBand, [](unsigned char c) { return c == kPattern; });
}

}  // namespace

Memory::Memory()
    : allocator_("cpu", {.allocate = [](size_t n) { return std::aligned_alloc(kAlignment, n); },
                         .release =
                             [](void* p, size_t size) {
                               ASAN_UNPOISON_MEMORY_REGION(p, size);
                               std::free(p);
                             }}) {}

void* Memory::allocate(size_t bytes) {
  if (!guard_) return block_of(bytes);
  auto* block = static_cast<unsigned char*>(block_of(bytes + 2 * kBand));
  std::memset(block, kPattern, kBand);
  std::memset(block + kBand + bytes, kPattern, kBand);
  const std::lock_guard lock(mutex_);
  guarded_[block + kBand] = bytes;
  return block + kBand;
}

void Memory::release(void* p) noexcept {
  const std::unique_lock lock(mutex_);
  const auto it = guarded_.find(p);
  if (it == guarded_.end()) return give_back(p);
  auto* data = static_cast<unsigned char*>(p);
  if (!intact(data - kBand) || !intact(data + it->second)) ++damaged_;
  guarded_.erase(it);
  give_back(data - kBand);
}

// AddressSanitizer sees what touches the rounding of a block, or one that is kept for later.
// (Without it these macros are nothing.)
void* Memory::block_of(size_t bytes) {
  void* p = allocator_.allocate(bytes);
  ASAN_UNPOISON_MEMORY_REGION(p, bytes);
  ASAN_POISON_MEMORY_REGION(static_cast<char*>(p) + bytes, ::malloc_usable_size(p) - bytes);
  return p;
}

void Memory::give_back(void* p) noexcept {
  ASAN_POISON_MEMORY_REGION(p, ::malloc_usable_size(p));
  allocator_.release(p);
}

}  // namespace gradus::cpu
