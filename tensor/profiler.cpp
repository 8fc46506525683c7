#include "tensor/profiler.h"

#include <algorithm>
#include <atomic>

namespace gradus {
namespace {

std::atomic<Profiler*> innermost = nullptr;

}  // namespace

Profiler::Profiler() : outer_(innermost.exchange(this)) {}
Profiler::~Profiler() { innermost = outer_; }
Profiler* Profiler::living() { return innermost.load(std::memory_order_relaxed); }

std::vector<Profiler::Row> Profiler::rows() const {
  const std::lock_guard lock(mutex_);
  std::vector<Row> rows;
  for (const auto& [kernel, time] : times_)
    rows.push_back({kernel, time.calls, time.ms, time.best_ms});
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.ms > b.ms; });
  return rows;
}

void Profiler::reset() {
  const std::lock_guard lock(mutex_);
  times_.clear();
}

void Profiler::add(const std::string& kernel, std::chrono::duration<double, std::milli> took) {
  const std::lock_guard lock(mutex_);
  Time& time = times_[kernel];
  ++time.calls;
  time.ms += took.count();
  time.best_ms = std::min(time.best_ms, took.count());
}

}  // namespace gradus
