#include <cmath>

#include "cuda/axes.h"
#include "cuda/block_sum.h"
#include "cuda/grid.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "tensor/nan_order.h"

namespace gradus::cuda {
namespace {

/// NaN where there is one.
struct Max {
  double max = -INFINITY;
  __device__ void add(double x) { max = x > max || x != x ? x : max; }
  __device__ void merge(const Max& o) { add(o.max); }
  __device__ Max shuffle(int mask) const { return {shuffled(max, mask)}; }
  __device__ double result() const { return max; }
};

/// A thread an output.
template <class State, class T>
__global__ void reduce_kernel(Axes kept, Axes reduced, int64_t outputs, int64_t count, const T* x,
                              T* y) {
  for (int64_t i = first_item(); i < outputs; i += item_stride()) {
    const T* base = x + kept.offset(i);
    State state;
    for (int64_t r = 0; r < count; ++r) state.add(base[reduced.offset(r)]);
    y[i] = T(state.result());
  }
}

/// A block an output.
template <class State, class T>
__global__ void reduce_block_kernel(Axes kept, Axes reduced, int64_t count, const T* x, T* y) {
  const T* base = x + kept.offset(blockIdx.x);
  State state;
  for (int64_t r = threadIdx.x; r < count; r += kThreads) state.add(base[reduced.offset(r)]);
  state = block_merge(state);
  if (threadIdx.x == 0) y[blockIdx.x] = T(state.result());
}

/// A thread an output and part of what it is reduced from: states [parts, outputs].
template <class State, class T>
__global__ void reduce_part_kernel(Axes kept, Axes reduced, int64_t outputs, int64_t count,
                                   int64_t parts, const T* x, State* states) {
  for (int64_t i = first_item(); i < outputs * parts; i += item_stride()) {
    const int64_t part = i / outputs;
    const T* base = x + kept.offset(i - part * outputs);
    State state;
    for (int64_t r = count * part / parts; r < count * (part + 1) / parts; ++r)
      state.add(base[reduced.offset(r)]);
    states[i] = state;
  }
}

/// A block an output.
template <class State, class T>
__global__ void reduce_merge_kernel(int64_t outputs, int64_t parts, const State* states, T* y) {
  State state;
  for (int64_t p = threadIdx.x; p < parts; p += kThreads)
    state.merge(states[p * outputs + blockIdx.x]);
  state = block_merge(state);
  if (threadIdx.x == 0) y[blockIdx.x] = T(state.result());
}

template <class State, class T>
void reduce(cudaStream_t stream, const Tensor& x, Tensor& y) {
  constexpr int64_t kManyThreads = 1 << 15;
  const auto [kept, reduced] = reduce_axes(x.shape(), y.shape());
  const int64_t outputs = y.count(), count = outputs ? x.count() / outputs : 0;
  if (outputs >= kManyThreads || count <= 32) {
    launch_over("reduce_kernel", stream, outputs, reduce_kernel<State, T>, kept, reduced, outputs,
                count, x.data<T>(), y.mutable_data<T>());
  } else if (reduced.stride[0] == 1) {
    launch("reduce_block_kernel", stream, dim3(static_cast<unsigned>(outputs)), dim3(kThreads),
           reduce_block_kernel<State, T>, kept, reduced, count, x.data<T>(), y.mutable_data<T>());
  } else {
    const int64_t parts = std::clamp<int64_t>(kManyThreads / outputs, 1, count / 16);
    Tensor scratch({parts * outputs * int64_t{sizeof(State) / sizeof(double)}}, DType::f64,
                   x.device());
    State* states = reinterpret_cast<State*>(scratch.mutable_data<double>());
    launch_over("reduce_part_kernel", stream, outputs * parts, reduce_part_kernel<State, T>, kept,
                reduced, outputs, count, parts, x.data<T>(), states);
    launch("reduce_merge_kernel", stream, dim3(static_cast<unsigned>(outputs)), dim3(kThreads),
           reduce_merge_kernel<State, T>, outputs, parts, states, y.mutable_data<T>());
  }
}

/// A thread a row picks one element after another, each the first of the largest after the last.
template <class T>
__global__ void top_k_kernel(int64_t rows, int64_t width, int64_t k, const T* x, T* values,
                             int32_t* index) {
  for (int64_t i = first_item(); i < rows; i += item_stride()) {
    const T* row = x + i * width;
    int64_t last = -1;
    for (int64_t r = 0; r < k; ++r) {
      int64_t best = -1;
      for (int64_t j = 0; j < width; ++j) {
        const bool is_after_last =
            last < 0 || is_larger(row[last], row[j]) || (!is_larger(row[j], row[last]) && j > last);
        if (is_after_last && (best < 0 || is_larger(row[j], row[best]))) best = j;
      }
      values[i * k + r] = row[best];
      index[i * k + r] = static_cast<int32_t>(best);
      last = best;
    }
  }
}

}  // namespace

void Kernels::reduce(Reduction op, const Tensor& x, Tensor& y) {
  visit_float(x.dtype(), [&]<class T>(T) {
    switch (op) {
      case Reduction::sum:
        return cuda::reduce<Sum, T>(stream_, x, y);
      case Reduction::max:
        return cuda::reduce<Max, T>(stream_, x, y);
      case Reduction::logsumexp:
        return cuda::reduce<LogSumExp, T>(stream_, x, y);
    }
  });
}

void Kernels::top_k(const Tensor& x, Tensor& values, Tensor& index) {
  const int64_t width = x.shape()[-1], k = values.shape()[-1];
  if (x.count() == 0 || k == 0) return;
  visit_float(x.dtype(), [&]<class T>(T) {
    launch_over("top_k_kernel", stream_, x.count() / width, top_k_kernel<T>, x.count() / width,
                width, k, x.data<T>(), values.mutable_data<T>(), index.mutable_data<int32_t>());
  });
}

}  // namespace gradus::cuda
