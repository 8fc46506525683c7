#include "tests/fake_cuda/memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "tests/fake_cuda/fake.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace gradus::fake_cuda {
namespace {

constexpr size_t kGuard = 256;
constexpr unsigned char kPoison = 0xff, kGuarded = 0xa5;

struct Block {
  int device;
  size_t bytes;
};
/// By address.
std::map<const char*, Block>& blocks() {
  static auto* blocks = new std::map<const char*, Block>;
  return *blocks;
}

bool is_guarded(const char* p) {
  return std::all_of(p, p + kGuard,
                     [](char c) { return static_cast<unsigned char>(c) == kGuarded; });
}

size_t room_of(size_t bytes) { return (bytes + kGuard - 1) / kGuard * kGuard; }

}  // namespace

void* allocate(int device, size_t bytes) {
  size_t used = bytes;
  for (const auto& [p, block] : blocks())
    if (block.device == device) used += block.bytes;
  static const size_t all = std::stoull(setting("GRADUS_FAKE_FREE", "1073741824"));
  if (used > all || bytes == 0) return nullptr;
  const size_t room = room_of(bytes);
  char* const whole = static_cast<char*>(std::aligned_alloc(kGuard, room + 2 * kGuard));
  if (!whole) return nullptr;
  std::memset(whole, kGuarded, room + 2 * kGuard);
  char* const p = whole + kGuard;
  std::memset(p, kPoison, bytes);
#ifdef __SANITIZE_ADDRESS__
  ASAN_POISON_MEMORY_REGION(whole, kGuard);
  ASAN_POISON_MEMORY_REGION(p + bytes, room - bytes + kGuard);
#endif
  blocks()[p] = {device, bytes};
  return p;
}

bool release(void* p) {
  char* const start = static_cast<char*>(p);
  const size_t bytes = blocks().at(start).bytes;
#ifdef __SANITIZE_ADDRESS__
  ASAN_UNPOISON_MEMORY_REGION(start - kGuard, room_of(bytes) + 2 * kGuard);
#endif
  const bool is_whole = is_guarded(start - kGuard) && is_guarded(start + bytes);
  std::memset(start, kPoison, bytes);
  blocks().erase(start);
  std::free(start - kGuard);
  return is_whole;
}

std::string damaged_guards() {
#ifndef __SANITIZE_ADDRESS__  // which finds the write itself
  for (const auto& [p, block] : blocks())
    if (!is_guarded(p - kGuard) || !is_guarded(p + block.bytes))
      return "something was written beside an allocation of " + std::to_string(block.bytes) +
             " bytes";
#endif
  return "";
}

int device_of(const void* p) {
  const char* const at = static_cast<const char*>(p);
  auto it = blocks().upper_bound(at);
  if (it == blocks().begin()) return -1;
  --it;
  return at < it->first + it->second.bytes ? it->second.device : -1;
}

void require_memory(int device, const void* p, size_t bytes, const char* what) {
  if (bytes == 0) return;
  const char* const at = static_cast<const char*>(p);
  auto it = blocks().upper_bound(at);
  const bool inside = it != blocks().begin() && (--it)->second.device == device &&
                      at + bytes <= it->first + it->second.bytes;
  if (!inside)
    throw std::runtime_error(std::string(what) + ": " + std::to_string(bytes) +
                             " bytes that are not this device's");
}

}  // namespace gradus::fake_cuda
