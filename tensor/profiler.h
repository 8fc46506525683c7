#pragma once

#include <chrono>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace gradus {

/// A clock for kernels: while it lives, KernelCall tells it how long each takes, of all threads and
/// on all devices, whose end is waited for. Make and drop it where no other thread calls kernels;
/// while a second one lives, the first one stands.
class Profiler {
 public:
  Profiler();
  ~Profiler();
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;

  struct Row {
    std::string kernel;  ///< "conv [128, 16, 16, 64] [64, 3, 3, 64] [128, 8, 8, 64]"
    int64_t calls;
    double ms;       ///< of all calls
    double best_ms;  ///< of the fastest one
  };
  /// Since the last reset, the longest first.
  std::vector<Row> rows() const;
  void reset();

  /// A call of this kernel took so long.
  void add(const std::string& kernel, std::chrono::duration<double, std::milli> took);
  /// The one that counts now, or null.
  static Profiler* living();

 private:
  struct Time {
    int64_t calls = 0;
    double ms = 0;
    double best_ms = std::numeric_limits<double>::infinity();
  };

  Profiler* const outer_;
  mutable std::mutex mutex_;
  std::map<std::string, Time> times_;
};

}  // namespace gradus
