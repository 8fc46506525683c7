#include "tensor/cpu/memory.h"

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
                         .release = [](void* p, size_t) { std::free(p); }}) {}

void* Memory::allocate(size_t bytes) {
  if (!guard_) return allocator_.allocate(bytes);
  auto* block = static_cast<unsigned char*>(allocator_.allocate(bytes + 2 * kBand));
  std::memset(block, kPattern, kBand);
  std::memset(block + kBand + bytes, kPattern, kBand);
  const std::lock_guard lock(mutex_);
  guarded_[block + kBand] = bytes;
  return block + kBand;
}

void Memory::release(void* p) noexcept {
  const std::unique_lock lock(mutex_);
  const auto it = guarded_.find(p);
  if (it == guarded_.end()) return allocator_.release(p);
  auto* data = static_cast<unsigned char*>(p);
  if (!intact(data - kBand) || !intact(data + it->second)) ++damaged_;
  guarded_.erase(it);
  allocator_.release(data - kBand);
}

}  // namespace gradus::cpu
