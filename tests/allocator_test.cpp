#include "tensor/allocator.h"

#include <sanitizer/asan_interface.h>

#include <cstdlib>
#include <iostream>
#include <new>
#include <set>
#include <vector>

#include "tensor/cpu/cpu.h"
#include "tests/catch.h"

using namespace gradus;

namespace {

thread_local int64_t claims = 0;  ///< of memory by operator new, on this thread

}  // namespace

[[gnu::noinline]] void* operator new(size_t n) {
  ++claims;
  if (void* p = std::malloc(n ? n : 1)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(size_t n, const std::nothrow_t&) noexcept {
  ++claims;
  return std::malloc(n ? n : 1);
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept { std::free(p); }

namespace {

constexpr size_t kKiB = 1024, kMiB = 1024 * kKiB;

/// A system of `limit` bytes.
struct System {
  size_t limit = 1000 * kMiB, used = 0;
  int allocations = 0, releases = 0;
  std::set<void*> blocks;

  /// What a test still held: the allocator knows of it, and never gives back live blocks.
  ~System() {
    for (void* p : blocks) std::free(p);
  }
  CachingAllocator::Raw raw() {
    return {[this](size_t n) -> void* {
              if (used + n > limit) return nullptr;
              used += n;
              ++allocations;
              return *blocks.insert(std::malloc(1)).first;
            },
            [this](void* p, size_t n) {
              used -= n;
              ++releases;
              CHECK(blocks.erase(p) == 1);
              std::free(p);
            }};
  }
};

}  // namespace

TEST_CASE("allocator: a freed block is handed out again", "[allocator]") {
  System system;
  CachingAllocator a("test", system.raw());
  void* first = a.allocate(100 * kKiB);
  a.release(first);
  CHECK(a.allocate(100 * kKiB) == first);
  a.release(first);
  CHECK(a.allocate(90 * kKiB) == first);  // within a quarter
  CHECK(a.stats().raw_calls == 1);
  CHECK(a.allocate(100 * kKiB) != first);
  CHECK(a.stats().raw_calls == 2);
}

TEST_CASE("allocator: a block more than a quarter too large is left", "[allocator]") {
  System system;
  CachingAllocator a("test", system.raw());
  void* large = a.allocate(100 * kKiB);
  a.release(large);
  CHECK(a.allocate(50 * kKiB) != large);
  CHECK(a.stats().cached_bytes == 100 * kKiB);
}

TEST_CASE("allocator: the best fit wins", "[allocator]") {
  System system;
  CachingAllocator a("test", system.raw());
  void* large = a.allocate(110 * kKiB);
  void* close = a.allocate(102 * kKiB);
  a.release(large);
  a.release(close);
  CHECK(a.allocate(100 * kKiB) == close);
  CHECK(a.allocate(100 * kKiB) == large);
}

TEST_CASE("allocator: to release claims no memory, and so cannot fail", "[allocator]") {
  System system;
  CachingAllocator a("test", system.raw());
  const CachingAllocator::Pool own = a.make_pool();
  for (const CachingAllocator::Pool pool : {0, own}) {
    a.use_pool(pool);
    std::vector<void*> blocks;
    for (size_t i = 0; i < 100; ++i) blocks.push_back(a.allocate((i % 7 + 1) * kKiB));
    const int64_t before = claims;
    for (void* p : blocks) a.release(p);
    CHECK(claims == before);
  }
  CHECK(a.stats().live_blocks == 0);
}

TEST_CASE("allocator: statistics", "[allocator]") {
  System system;
  CachingAllocator a("test", system.raw());
  void* p = a.allocate(1);
  void* q = a.allocate(kMiB + 1);
  auto s = a.stats();
  CHECK(s.live_blocks == 2);
  CHECK(s.live_bytes == 512 + kMiB + 64 * kKiB);
  CHECK(s.peak_bytes == s.live_bytes);
  CHECK(s.cached_bytes == 0);
  a.release(q);
  s = a.stats();
  CHECK(s.live_blocks == 1);
  CHECK(s.live_bytes == 512);
  CHECK(s.cached_bytes == kMiB + 64 * kKiB);
  CHECK(s.peak_bytes == 512 + kMiB + 64 * kKiB);
  a.reset_peak();
  CHECK(a.stats().peak_bytes == 512);
  a.release(p);
  a.trim();
  s = a.stats();
  CHECK(s.live_blocks == 0);
  CHECK(s.cached_bytes == 0);
  CHECK(system.used == 0);
}

TEST_CASE("allocator: an empty request gets a block of its own", "[allocator]") {
  System system;
  CachingAllocator a("test", system.raw());
  void* p = a.allocate(0);
  CHECK(p != nullptr);
  CHECK(a.allocate(0) != p);
}

TEST_CASE("allocator: what is cached goes back before memory is out", "[allocator]") {
  System system;
  system.limit = 4 * kMiB;
  CachingAllocator a("test", system.raw());
  a.release(a.allocate(3 * kMiB));
  CHECK(a.allocate(2 * kMiB) != nullptr);
  CHECK(system.releases == 1);
}

TEST_CASE("allocator: out of memory says what was asked for and what is live", "[allocator]") {
  System system;
  system.limit = 4 * kMiB;
  CachingAllocator a("cuda:0", system.raw());
  void* p = a.allocate(kMiB);
  a.release(a.allocate(2 * kMiB));
  std::string message;
  try {
    a.allocate(9 * kMiB);
  } catch (const DeviceError& e) {
    message = e.what();
  }
  CHECK(message ==
        "cuda:0: out of memory for 9437184 bytes; live 1048576 bytes in 1 blocks, peak 3145728");
  try {
    a.allocate(~size_t{0});
  } catch (const DeviceError& e) {
    message = e.what();
  }
  CHECK(message == "cuda:0: a request of 18446744073709551615 bytes is out of range");
  CHECK(a.stats().live_blocks == 1);
  a.release(p);
  CHECK(a.allocate(4 * kMiB) != nullptr);
}

TEST_CASE("allocator: destruction gives cached blocks back", "[allocator]") {
  System system;
  {
    CachingAllocator a("test", system.raw());
    a.release(a.allocate(1));
    a.release(a.allocate(100 * kKiB));
  }
  CHECK(system.used == 0);
  CHECK(system.releases == system.allocations);
}

TEST_CASE("allocator: host memory is aligned for vectors", "[allocator]") {
  for (const size_t bytes : {1, 100, 5000, 3 << 20}) {
    const Tensor t({static_cast<int64_t>(bytes)}, DType::u8);
    CHECK(reinterpret_cast<uintptr_t>(t.raw()) % 64 == 0);
  }
}

TEST_CASE("allocator: AddressSanitizer knows a block's bytes, and whether it is released",
          "[allocator]") {
#if defined(__SANITIZE_ADDRESS__)
  cpu::Memory memory;
  auto* p = static_cast<char*>(memory.allocate(101));
  CHECK(!__asan_region_is_poisoned(p, 101));
  CHECK(__asan_address_is_poisoned(p + 101));
  CHECK(__asan_address_is_poisoned(p + 511));
  memory.release(p);
  CHECK(__asan_address_is_poisoned(p));
  CHECK(memory.allocate(300) == p);
  CHECK(!__asan_region_is_poisoned(p, 300));
  CHECK(__asan_address_is_poisoned(p + 300));
  memory.release(p);
#else
  std::cout << "skipped: this build has no AddressSanitizer\n";
#endif
}

TEST_CASE("allocator: guard bands see a write on either side", "[allocator]") {
  cpu::Memory memory;
  memory.use_guard_bands(true);
  const auto use = [&](int64_t touched) {
    const int64_t before = memory.damaged_bands();
    auto* p = static_cast<unsigned char*>(memory.allocate(100));
    for (int i = 0; i < 100; ++i) p[i] = 1;
    p[touched] = 1;
    memory.release(p);
    return memory.damaged_bands() - before;
  };
  CHECK(use(0) == 0);
  CHECK(use(99) == 0);
  CHECK(use(100) == 1);
  CHECK(use(200) == 1);
  CHECK(use(-1) == 1);
  CHECK(use(-250) == 1);
  // A block of before is released as what it is.
  void* p = memory.allocate(10);
  memory.use_guard_bands(false);
  void* q = memory.allocate(10);
  memory.release(p);
  memory.use_guard_bands(true);
  memory.release(q);
  CHECK(memory.allocator().stats().live_blocks == 0);
}
