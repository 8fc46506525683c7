#pragma once

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>

#include "tensor/cpu/subnormals.h"
#include "tensor/cpu/thread_sanitizer.h"

namespace gradus::cpu {

/// With a copy of fn that no other thread sees, so that loops in it become vector code.
template <class Fn>
void run_part(const Fn& fn, int64_t begin, int64_t end) {
  const Fn own = fn;
  own(begin, end);
}

/// Calls fn(begin, end) for parts of [0, n), on as many threads as OpenMP has, each part at least
/// `grain` long, with this thread's setting for subnormal numbers. Only for work whose result does
/// not depend on where the parts begin. Throws what the first part that fails has thrown, after all
/// have ended.
template <class Fn>
[[gnu::no_sanitize_thread]] void parallel_for(int64_t n, int64_t grain, const Fn& fn) {
  const int64_t parts =
      std::clamp<int64_t>(n / std::max<int64_t>(grain, 1), 1, omp_get_max_threads());
  if (parts == 1 || omp_in_parallel()) {
    if (n > 0) fn(int64_t{0}, n);
    return;
  }
  const int threads = static_cast<int>(parts);
  const RegionFloatControl control;
  std::atomic_flag failed;
  std::exception_ptr failure;
  {
    ParallelRegion region;
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int64_t p = 0; p < parts; ++p) {
      region.begin_part();
      control.begin_part();
      try {
        run_part(fn, n * p / parts, n * (p + 1) / parts);
      } catch (...) {  // which may not leave the region
        if (!failed.test_and_set()) failure = std::current_exception();
      }
      control.end_part();
      region.end_part();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

/// Elements of cheap work worth a thread.
inline constexpr int64_t kGrain = 1 << 15;

}  // namespace gradus::cpu
