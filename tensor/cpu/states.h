#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tensor/cpu/parallel.h"
#include "tensor/reduction.h"
#include "tensor/walk.h"

namespace gradus::cpu {

/// Adds x[0], x[step], ... to the lanes in turn: so many sums, which need not wait for each other.
template <int kLanes, class State, class T>
void add_run(const T* x, int64_t step, int64_t n, State* lanes) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int k = 0; k < kLanes; ++k) lanes[k].add(x[(i + k) * step]);
  for (int k = 0; i + k < n; ++k) lanes[k].add(x[(i + k) * step]);
}

/// What elements begin to end of a walk give.
template <int kLanes, class State, class T>
State state_of(const T* x, const Walk& walk, int64_t begin, int64_t end) {
  State lanes[kLanes];
  const int64_t run = walk.rank ? walk.extent[0] : 1, step = walk.rank ? walk.stride[0] : 1;
  for (int64_t i = begin, n = 0; i < end; i += n) {
    n = std::min(run - i % run, end - i);
    if (step == 1)
      add_run<kLanes>(x + walk.offset(i), 1, n, lanes);
    else
      add_run<kLanes>(x + walk.offset(i), step, n, lanes);
  }
  for (int k = 1; k < kLanes; ++k) lanes[0].merge(lanes[k]);
  return lanes[0];
}

/// The reduction of x for each of y's elements, which `put(i, state)` takes, on any thread: in
/// parts whose sizes depend on the shapes alone, merged in order, so that neither few outputs nor
/// few inputs leave threads idle and the bits do not depend on their number.
template <class State, class T, class Put>
void reduce_states(const T* x, const ReduceWalks& walks, int64_t outputs, int64_t count,
                   const Put& put) {
  constexpr int64_t kPart = 1 << 14;
  // The exponentials of a LogSumExp take longer than waiting, and merging takes further ones.
  constexpr int kMany = std::is_same_v<State, reduction::LogSumExp> ? 1 : 8;
  const auto state = [=, &walks](int64_t output, int64_t begin, int64_t end) {
    const T* base = x + walks.kept.offset(output);
    return end - begin < 64 ? state_of<1, State>(base, walks.reduced, begin, end)
                            : state_of<kMany, State>(base, walks.reduced, begin, end);
  };
  if (count < 2 * kPart) {
    parallel_for(outputs, kGrain / (count + 1) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) put(i, state(i, 0, count));
    });
    return;
  }
  const int64_t parts = count / kPart;
  std::vector<State> states(outputs * parts);
  parallel_for(outputs * parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t part = i % parts;
      states[i] = state(i / parts, count * part / parts, count * (part + 1) / parts);
    }
  });
  for (int64_t i = 0; i < outputs; ++i) {
    for (int64_t p = 1; p < parts; ++p) states[i * parts].merge(states[i * parts + p]);
    put(i, states[i * parts]);
  }
}

}  // namespace gradus::cpu
