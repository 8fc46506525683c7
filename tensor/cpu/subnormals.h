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

inline void set_float_control([[maybe_unused]] unsigned control) {
#ifdef __SSE__
  if (control != _mm_getcsr()) _mm_setcsr(control);
#endif
}

/// While it lives, this thread flushes subnormal numbers to 0, those read and those computed, and
/// so do all that work for it by parallel_for.
class FlushSubnormals {
 public:
  FlushSubnormals() : before_(float_control()) {
    if (!outermost_) outermost_ = this;
    set_float_control(before_ | kFlush);
  }
  ~FlushSubnormals() {
    set_float_control(before_);
    if (outermost_ == this) outermost_ = nullptr;
  }
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;

  /// This thread's setting without any of these.
  static unsigned outside() { return outermost_ ? outermost_->before_ : float_control(); }

 private:
#ifdef __SSE__
  static constexpr unsigned kFlush = _MM_FLUSH_ZERO_ON | _MM_DENORMALS_ZERO_ON;
#else
  static constexpr unsigned kFlush = 0;
#endif
  inline static thread_local const FlushSubnormals* outermost_ = nullptr;
  unsigned before_;
};

/// The setting of the thread that begins a parallel region, for the others in it. One that is made
/// for the region begins with it, too, so they end with what is set outside of FlushSubnormals.
class RegionFloatControl {
 public:
  void begin_part() const {
    if (omp_get_thread_num() != 0) set_float_control(inside_);
  }
  void end_part() const {
    if (omp_get_thread_num() != 0) set_float_control(outside_);
  }

 private:
  unsigned inside_ = float_control(), outside_ = FlushSubnormals::outside();
};

/// While it lives, all of OpenMP's threads have this one's setting: for a library that calls them
/// itself.
class FloatControlOfAll {
 public:
  FloatControlOfAll() {
    on_all([this] { control_.begin_part(); });
  }
  ~FloatControlOfAll() {
    on_all([this] { control_.end_part(); });
  }
  FloatControlOfAll(const FloatControlOfAll&) = delete;
  FloatControlOfAll& operator=(const FloatControlOfAll&) = delete;

 private:
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

  RegionFloatControl control_;
};

}  // namespace gradus::cpu
