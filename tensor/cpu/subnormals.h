#pragma once

#include <omp.h>

#include "tensor/cpu/thread_sanitizer.h"

#ifdef __SSE__
#include <immintrin.h>
#endif

// Numbers below the smallest normal one (1.2e-38 in f32) take many processors far longer than
// others. Convolutions, matrix products and optimisers in f32 take them as 0 and give 0 instead;
// f64, which is for checks, keeps them. A thread has its own setting.

namespace gradus::cpu {

/// This thread's setting of the processor, where it has one.
inline unsigned float_control() {
#ifdef __SSE__
  return _mm_getcsr();
#else
  return 0;
#endif
}

/// Gives this thread a setting while it lives.
class FloatControl {
 public:
  explicit FloatControl(unsigned control) : before_(float_control()) { set(control); }
  ~FloatControl() { set(before_); }
  FloatControl(const FloatControl&) = delete;
  FloatControl& operator=(const FloatControl&) = delete;

  static void set([[maybe_unused]] unsigned control) {
#ifdef __SSE__
    if (control != _mm_getcsr()) _mm_setcsr(control);
#endif
  }

 private:
  unsigned before_;
};

/// Flushes subnormal numbers to 0, those read and those computed, on this thread and, by
/// parallel_for, on all that work for it.
class FlushSubnormals : FloatControl {
 public:
  FlushSubnormals() : FloatControl(float_control() | kFlush) {}

 private:
#ifdef __SSE__
  static constexpr unsigned kFlush = _MM_FLUSH_ZERO_ON | _MM_DENORMALS_ZERO_ON;
#else
  static constexpr unsigned kFlush = 0;
#endif
};

/// While it lives, all of OpenMP's threads have this one's setting: for a library that calls them
/// itself.
class FloatControlOfAll {
 public:
  FloatControlOfAll() : control_(float_control()) {
    on_all([this] {
      before() = float_control();
      FloatControl::set(control_);
    });
  }
  ~FloatControlOfAll() {
    on_all([] { FloatControl::set(before()); });
  }
  FloatControlOfAll(const FloatControlOfAll&) = delete;
  FloatControlOfAll& operator=(const FloatControlOfAll&) = delete;

 private:
  static unsigned& before() {
    thread_local unsigned control;
    return control;
  }
  template <class Fn>
  [[gnu::no_sanitize_thread]] static void on_all(const Fn& fn) {
    if (omp_in_parallel() || omp_get_max_threads() == 1) return;
    ParallelRegion region;
#pragma omp parallel
    {
      region.begin_part();
      fn();
      region.end_part();
    }
  }

  unsigned control_;
};

}  // namespace gradus::cpu
