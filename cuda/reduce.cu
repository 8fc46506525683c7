#include <algorithm>

#include "cuda/channel_packs.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "tensor/nan_order.h"
#include "tensor/walk.h"

namespace gradus::cuda {
namespace {

/// Where a reduction leads: the state itself, to be merged or read by another kernel, or its value.
template <class State>
__device__ void put(const State& state, double, State* y) {
  *y = state;
}
template <class State, class T>
__device__ void put(const State& state, double divisor, T* y) {
  *y = T(state.result() / divisor);
}

/// A thread an output.
template <class State, class T, class Out>
__global__ void reduce_kernel(const __grid_constant__ Walk kept,
                              const __grid_constant__ Walk reduced, int64_t outputs, int64_t count,
                              double divisor, const T* x, Out* y) {
  for (int64_t i = first_item(); i < outputs; i += item_stride()) {
    const T* base = x + kept.offset(i);
    State state;
    for (int64_t r = 0; r < count; ++r) state.add(base[reduced.offset(r)]);
    put(state, divisor, y + i);
  }
}

/// A block an output and part of what it is reduced from: y [parts, outputs].
template <class State, class T, class Out>
__global__ void reduce_block_kernel(const __grid_constant__ Walk kept,
                                    const __grid_constant__ Walk reduced, int64_t outputs,
                                    int64_t count, int64_t parts, double divisor, const T* x,
                                    Out* y) {
  const int64_t part = blockIdx.x / outputs;
  const T* base = x + kept.offset(blockIdx.x - part * outputs);
  State state;
  const int64_t end = count * (part + 1) / parts;
  for (int64_t r = count * part / parts + threadIdx.x; r < end; r += kThreads)
    state.add(base[reduced.offset(r)]);
  state = block_merge(state);
  if (threadIdx.x == 0) put(state, divisor, y + blockIdx.x);
}

/// A thread an output and part of what it is reduced from: states [parts, outputs].
template <class State, class T>
__global__ void reduce_part_kernel(const __grid_constant__ Walk kept,
                                   const __grid_constant__ Walk reduced, int64_t outputs,
                                   int64_t count, int64_t parts, const T* x, State* states) {
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
template <class State, class Out>
__global__ void reduce_merge_kernel(int64_t outputs, int64_t parts, double divisor,
                                    const State* states, Out* y) {
  State state;
  for (int64_t p = threadIdx.x; p < parts; p += kThreads)
    state.merge(states[p * outputs + blockIdx.x]);
  state = block_merge(state);
  if (threadIdx.x == 0) put(state, divisor, y + blockIdx.x);
}

/// Where there are parts, merge_later(parts, states) tells whether they are merged with what waits.
template <class State, class T, class Out, class MergeLater>
void reduce(cudaStream_t stream, const ReduceWalks& walks, int64_t outputs, int64_t count,
            double divisor, const Tensor& x, Out* y, const MergeLater& merge_later) {
  constexpr int64_t kManyThreads = 1 << 15, kManyBlocks = 1 << 10;
  const auto& [kept, reduced] = walks;
  const T* in = x.data<T>();
  if (outputs >= kManyThreads || count <= 32) {
    launch_over("reduce_kernel", stream, outputs, reduce_kernel<State, T, Out>, kept, reduced,
                outputs, count, divisor, in, y);
    return;
  }
  const bool in_blocks = reduced.stride[0] == 1;  // whose threads read side by side
  const int64_t parts =
      in_blocks ? std::clamp<int64_t>(kManyBlocks / outputs, 1, count / (16 * kThreads) + 1)
                : std::clamp<int64_t>(kManyThreads / outputs, 1, count / 16);
  const auto blocks = [](int64_t n) { return dim3(static_cast<unsigned>(n)); };
  if (in_blocks && parts == 1) {
    launch("reduce_block_kernel", stream, blocks(outputs), dim3(kThreads),
           reduce_block_kernel<State, T, Out>, kept, reduced, outputs, count, parts, divisor, in,
           y);
    return;
  }
  PartSums<State> states(parts, outputs, x.device());
  if (in_blocks)
    launch("reduce_block_kernel", stream, blocks(parts * outputs), dim3(kThreads),
           reduce_block_kernel<State, T, State>, kept, reduced, outputs, count, parts, 1.0, in,
           states.data());
  else
    launch_over("reduce_part_kernel", stream, outputs * parts, reduce_part_kernel<State, T>, kept,
                reduced, outputs, count, parts, in, states.data());
  if (merge_later(parts, states.data())) return;
  launch("reduce_merge_kernel", stream, blocks(outputs), dim3(kThreads),
         reduce_merge_kernel<State, Out>, outputs, parts, divisor, states.data(), y);
}

template <class T>
__global__ void softmax_kernel(Softmax kind, const __grid_constant__ Walk row_of, int64_t count,
                               const LogSumExp* rows, const T* x, T* y) {
  for (int64_t i = first_item(); i < count; i += item_stride())
    y[i] = T(LogTotal(rows[row_of.offset(i)]).softmax(kind, x[i]));
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
  const int64_t outputs = y.count(), count = outputs ? x.count() / outputs : 0;
  if (op == Reduction::sum && take_sums(x, y)) return;
  const ReduceWalks walks = reduce_walks(x.shape(), y.shape());
  Piece piece = piece_of(Piece::Kind::reduce, x.dtype(), outputs, {&x}, {&y});
  piece.from = x.dtype();
  piece.function = static_cast<uint8_t>(op);
  piece.width = static_cast<int32_t>(count);
  piece.set(Numbers{op == Reduction::mean ? static_cast<double>(count) : 1});
  if (piece.walks[0].take(walks.kept) && piece.walks[1].take(walks.reduced) &&
      postpone(piece, std::max(x.count(), outputs), count <= 32 || x.count() <= 1 << 15))
    return;
  visit_float(x.dtype(), [&]<class T>(T) {
    visit_reduction(op, count, [&]<class State>(State, double divisor) {
      const auto merge_later = [&](int64_t parts, const State* states) {
        if constexpr (std::is_same_v<State, Sum>)
          return sum_later(parts, outputs, &states->sum, divisor, y);
        else
          return false;
      };
      cuda::reduce<State, T>(stream(), walks, outputs, count, divisor, x, y.mutable_data<T>(),
                             merge_later);
    });
  });
}

void Kernels::softmax(Softmax kind, const Shape& rows, const Tensor& x, Tensor& y) {
  if (x.count() == 0) return;
  const ReduceWalks walks = reduce_walks(x.shape(), rows);
  Piece piece = piece_of(Piece::Kind::softmax, x.dtype(), rows.count(), {&x}, {&y});
  piece.function = static_cast<uint8_t>(kind);
  piece.width = static_cast<int32_t>(x.count() / rows.count());
  if (piece.width <= 64 && piece.walks[0].take(walks.kept) && piece.walks[1].take(walks.reduced) &&
      postpone(piece, x.count(), false))
    return;
  const Walk row_of = broadcast_walks(x.shape(), rows, rows).first;
  PartSums<LogSumExp> states(1, rows.count(), x.device());
  visit_float(x.dtype(), [&]<class T>(T) {
    cuda::reduce<LogSumExp, T>(stream(), walks, rows.count(), x.count() / rows.count(), 1, x,
                               states.data(), [](auto...) { return false; });
    launch_over("softmax_kernel", stream(), x.count(), softmax_kernel<T>, kind, row_of, x.count(),
                states.data(), x.data<T>(), y.mutable_data<T>());
  });
}

void Kernels::top_k(const Tensor& x, Tensor& values, Tensor& index) {
  const int64_t width = x.shape()[-1], k = values.shape()[-1];
  if (x.count() == 0 || k == 0) return;
  Piece piece = piece_of(Piece::Kind::top_k, x.dtype(), x.count() / width, {&x}, {&values, &index});
  piece.width = static_cast<int32_t>(width);
  if (k == 1 && width <= 64 && postpone(piece, x.count(), false)) return;
  visit_float(x.dtype(), [&]<class T>(T) {
    launch_over("top_k_kernel", stream(), x.count() / width, top_k_kernel<T>, x.count() / width,
                width, k, x.data<T>(), values.mutable_data<T>(), index.mutable_data<int32_t>());
  });
}

}  // namespace gradus::cuda
