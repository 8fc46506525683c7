#include "cuda/block_sum.h"
#include "cuda/grid.h"
#include "cuda/kernels.h"
#include "cuda/small_work.h"
#include "tensor/nan_order.h"

namespace gradus::cuda {
namespace {

constexpr int kLanes = 32;

/// Where a thread of a piece begins, and how far on its next item is.
struct Items {
  int64_t first, stride;
};

template <class Fn>
__device__ void with_float(DType dtype, const Fn& fn) {
  if (dtype == DType::f64)
    fn(double());
  else
    fn(float());
}

template <class Fns, size_t kFirst = 0, class Fn>
__device__ void with_function(const Piece& p, const Fn& fn) {
  using F = std::variant_alternative_t<kFirst, Fns>;
  if (p.function == kFirst) return fn(p.get<F>());
  if constexpr (kFirst + 1 < std::variant_size_v<Fns>) with_function<Fns, kFirst + 1>(p, fn);
}

/// Numbers of every dtype are exact as f64.
__device__ double load(DType dtype, const void* x, int64_t i) {
  switch (dtype) {
    case DType::f32:
      return static_cast<const float*>(x)[i];
    case DType::f64:
      return static_cast<const double*>(x)[i];
    case DType::i32:
      return static_cast<const int32_t*>(x)[i];
    default:
      return static_cast<const uint8_t*>(x)[i];
  }
}
__device__ void store(DType dtype, void* y, int64_t i, double value) {
  switch (dtype) {
    case DType::f32:
      static_cast<float*>(y)[i] = static_cast<float>(value);
      break;
    case DType::f64:
      static_cast<double*>(y)[i] = value;
      break;
    case DType::i32:
      static_cast<int32_t*>(y)[i] = static_cast<int32_t>(value);
      break;
    default:
      static_cast<uint8_t*>(y)[i] =
          static_cast<uint8_t>(static_cast<int64_t>(value));  // as cast_kernel does with an i32
  }
}

template <class T>
__device__ const T* input(const Piece& p, int i) {
  return static_cast<const T*>(p.in[i]);
}
template <class T>
__device__ T* output(const Piece& p, int i = 0) {
  return static_cast<T*>(p.out[i]);
}

template <class T>
__device__ void run_unary(const Piece& p, Items items) {
  const T* x = input<T>(p, 0);
  T* y = output<T>(p);
  with_function<UnaryFn>(p, [&](auto f) {
    for (int64_t i = items.first; i < p.count; i += items.stride) y[i] = f.f(x[i]);
  });
}

template <class T>
__device__ void run_unary_backward(const Piece& p, Items items) {
  const T *x = input<T>(p, 0), *y = input<T>(p, 1), *dy = input<T>(p, 2);
  T* dx = output<T>(p);
  with_function<UnaryFn>(p, [&](auto f) {
    for (int64_t i = items.first; i < p.count; i += items.stride)
      dx[i] = dy[i] * f.df(x ? x[i] : T(0), y ? y[i] : T(0));
  });
}

template <class T>
__device__ void run_binary(const Piece& p, Items items) {
  const T *a = input<T>(p, 0), *b = input<T>(p, 1);
  T* y = output<T>(p);
  with_function<BinaryFn>(p, [&](auto f) {
    for (int64_t i = items.first; i < p.count; i += items.stride)
      y[i] = f.f(a[p.walks[0].offset(i)], b[p.walks[1].offset(i)]);
  });
}

/// A thread an output where each has few elements, else a warp.
template <class State, class From, class T>
__device__ void reduce_as(const Piece& p, Items items) {
  const From* x = input<From>(p, 0);
  T* y = output<T>(p);
  const double divisor = p.get<Numbers>().a;
  const bool alone = p.width <= kLanes;
  const int64_t lane = alone ? 0 : items.first % kLanes, step = alone ? 1 : kLanes;
  for (int64_t i = items.first / step; i < p.count; i += items.stride / step) {
    const From* base = x + p.walks[0].offset(i);
    State state;
    for (int64_t r = lane; r < p.width; r += step) state.add(base[p.walks[1].offset(r)]);
    if (!alone) state = warp_merge(state);
    if (lane == 0) y[i] = T(state.result() / divisor);
  }
}

template <class T>
__device__ void run_reduce(const Piece& p, Items items) {
  switch (Reduction(p.function)) {
    case Reduction::max:
      return reduce_as<Max, T, T>(p, items);
    case Reduction::logsumexp:
      return reduce_as<LogSumExp, T, T>(p, items);
    default:
      if (p.from == p.dtype)
        reduce_as<Sum, T, T>(p, items);
      else
        reduce_as<Sum, double, T>(p, items);
  }
}

/// A thread a row.
template <class T>
__device__ void run_softmax(const Piece& p, Items items) {
  for (int64_t i = items.first; i < p.count; i += items.stride) {
    const int64_t base = p.walks[0].offset(i);
    const T* x = input<T>(p, 0) + base;
    T* y = output<T>(p) + base;
    LogSumExp all;
    for (int64_t r = 0; r < p.width; ++r) all.add(x[p.walks[1].offset(r)]);
    const LogTotal total(all);
    for (int64_t r = 0; r < p.width; ++r) {
      const int64_t at = p.walks[1].offset(r);
      y[at] = T(total.softmax(Softmax(p.function), x[at]));
    }
  }
}

/// A thread a row, for the largest alone.
template <class T>
__device__ void run_top_k(const Piece& p, Items items) {
  for (int64_t i = items.first; i < p.count; i += items.stride) {
    const T* row = input<T>(p, 0) + i * p.width;
    int32_t best = 0;
    for (int32_t j = 1; j < p.width; ++j)
      if (is_larger(row[j], row[best])) best = j;
    output<T>(p)[i] = row[best];
    output<int32_t>(p, 1)[i] = best;
  }
}

/// A thread a row.
template <class T>
__device__ void run_cross_entropy(const Piece& p, Items items) {
  double* totals = output<double>(p, 1);
  for (int64_t i = items.first; i < p.count; i += items.stride) {
    const T *x = input<T>(p, 0) + i * p.width, *labels = input<T>(p, 1) + i * p.width;
    LogSumExp all;
    for (int64_t j = 0; j < p.width; ++j) all.add(x[j]);
    const LogTotal total(all);
    Sum sum;
    for (int64_t j = 0; j < p.width; ++j)
      sum.add(-weighted<double>(total.log_share(x[j]), labels[j]));
    output<T>(p)[i] = T(sum.result());
    totals[2 * i] = total.max;
    totals[2 * i + 1] = total.above_max;
  }
}

template <class T>
__device__ void run_cross_entropy_backward(const Piece& p, Items items) {
  const T *x = input<T>(p, 0), *labels = input<T>(p, 1), *dy = input<T>(p, 3);
  const double* totals = input<double>(p, 2);
  for (int64_t i = items.first; i < p.count; i += items.stride) {
    const int64_t row = i / p.width;
    const LogTotal total(totals[2 * row], totals[2 * row + 1]);
    output<T>(p)[i] = T(total.share_less(labels[i], x[i]) * dy[row]);
  }
}

template <class Unit>
__device__ void copy_rows(const Piece& p, Items items) {
  for (int64_t i = items.first; i < p.count; i += items.stride) {
    const int64_t row = i / p.width, column = i - row * p.width;
    output<Unit>(p)[p.at[3] + row * p.at[1] + column] =
        input<Unit>(p, 0)[p.at[2] + row * p.at[0] + column];
  }
}

template <class T>
__device__ void run_gather(const Piece& p, Items items) {
  const auto [scale, shift] = p.get<Numbers>();
  for (int64_t i = items.first; i < p.count; i += items.stride) {
    const int64_t row = i / p.width;
    const int64_t from = input<int32_t>(p, 1)[row] * int64_t{p.width} + (i - row * p.width);
    output<T>(p)[i] = T(T(scale) * T(load(p.from, p.in[0], from)) + T(shift));
  }
}

template <class T>
__device__ void run_matmul(const Piece& p, Items items) {
  const int32_t columns = p.get<int32_t>();
  for (int64_t i = items.first; i < p.count; i += items.stride) {
    const int64_t row = i / columns, column = i - row * columns;
    const T* a = input<T>(p, 0) + row * p.at[0];
    const T* b = input<T>(p, 1) + column * p.at[2];
    T sum = 0;
    for (int64_t k = 0; k < p.width; ++k) sum += a[k * p.at[1]] * b[k * p.at[3]];
    output<T>(p)[i] = sum;
  }
}

__device__ void run(const Piece& p, Items items) {
  using Kind = Piece::Kind;
  const auto as_float = [&](auto fn) { with_float(p.dtype, fn); };
  switch (p.kind) {
    case Kind::fill:
      for (int64_t i = items.first; i < p.count; i += items.stride)
        store(p.dtype, p.out[0], i, p.get<Numbers>().a);
      return;
    case Kind::cast:
      for (int64_t i = items.first; i < p.count; i += items.stride)
        store(p.dtype, p.out[0], i, load(p.from, p.in[0], i));
      return;
    case Kind::unary:
      return as_float([&]<class T>(T) { run_unary<T>(p, items); });
    case Kind::unary_backward:
      return as_float([&]<class T>(T) { run_unary_backward<T>(p, items); });
    case Kind::binary:
      return as_float([&]<class T>(T) { run_binary<T>(p, items); });
    case Kind::reduce:
      return as_float([&]<class T>(T) { run_reduce<T>(p, items); });
    case Kind::softmax:
      return as_float([&]<class T>(T) { run_softmax<T>(p, items); });
    case Kind::top_k:
      return as_float([&]<class T>(T) { run_top_k<T>(p, items); });
    case Kind::cross_entropy:
      return as_float([&]<class T>(T) { run_cross_entropy<T>(p, items); });
    case Kind::cross_entropy_backward:
      return as_float([&]<class T>(T) { run_cross_entropy_backward<T>(p, items); });
    case Kind::copy_rows:
      return p.dtype == DType::u8 ? copy_rows<uint8_t>(p, items) : copy_rows<uint32_t>(p, items);
    case Kind::gather:
      return as_float([&]<class T>(T) { run_gather<T>(p, items); });
    case Kind::one_hot:
      return as_float([&]<class T>(T) {
        for (int64_t i = items.first; i < p.count; i += items.stride) {
          const int64_t row = i / p.width;
          output<T>(p)[i] = input<int32_t>(p, 0)[row] == i - row * p.width ? T(1) : T(0);
        }
      });
    case Kind::increment:
      if (items.first == 0) ++*output<int32_t>(p);
      return;
    case Kind::matmul:
      return as_float([&]<class T>(T) { run_matmul<T>(p, items); });
  }
}

/// The pieces that are this block's, one after another.
__global__ void small_work_kernel(const __grid_constant__ Pieces all) {
  for (int i = 0; i < all.used; ++i) {
    const Piece& p = all.piece[i];
    const int64_t block = int64_t{blockIdx.x} - p.first_block;
    if (block < 0 || block >= p.blocks) continue;
    run(p, {block * blockDim.x + threadIdx.x, int64_t{p.blocks} * blockDim.x});
    __syncthreads();
  }
}

}  // namespace

void Kernels::about_to_use(const void* memory) {
  must_launch_work_ |= work_.uses(memory);
  must_launch_waiting_ |= waiting_ && waiting_->uses(memory);
  must_launch_updates_ |= std::any_of(updates_.begin(), updates_.end(),
                                      [&](const Update& u) { return u.uses(memory); });
}

cudaStream_t Kernels::stream() {
  if (must_launch_work_) launch_work();
  if (must_launch_waiting_) launch_waiting();
  if (must_launch_updates_) launch_updates();
  return stream_;
}

void Kernels::launch_small_work() {
  if (!work_.is_empty() || waiting_ || !updates_.empty()) make_current();
  launch_work();
  if (waiting_) launch_waiting();
  launch_updates();
  forget_sums();
}

void Kernels::forget_small_work() noexcept {
  work_.clear();
  waiting_.reset();
  updates_.clear();
  work_needs_waiting_ = false;
  forget_sums();
  release_let_go();
}

void Kernels::release_let_go() noexcept {
  for (void* p : std::exchange(let_go_, {})) release(p);
}

void Kernels::forget_sums() noexcept {
  summed_ = nullptr;
  sums_.reset();
}

void Kernels::launch_work() {
  must_launch_work_ = false;
  if (work_needs_waiting_) launch_waiting();
  // What was let go of meanwhile can be used again by what comes after these launches.
  struct Release {
    Kernels& of;
    ~Release() { of.release_let_go(); }
  } const release{*this};
  while (!work_.is_empty()) {
    const Pieces pieces = work_.take();
    int64_t blocks = 0, threads = 0;
    for (int i = 0; i < pieces.used; ++i) {
      const Piece& p = pieces.piece[i];
      blocks = std::max<int64_t>(blocks, p.first_block + p.blocks);
      threads = std::max(threads, p.threads());
    }
    launch("small_work_kernel", stream_, dim3(static_cast<unsigned>(blocks)), threads_for(threads),
           small_work_kernel, pieces);
  }
}

bool Kernels::still_uses(void* memory) noexcept {
  if (memory == summed_) forget_sums();
  if (!work_.uses(memory)) return false;
  let_go_.push_back(memory);
  return true;
}

bool Kernels::matmul_later(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b,
                           Tensor& c) {
  const MatrixBatch p(transpose_a, a, b, c);
  constexpr int64_t kMost = 1 << 12;  // of an extent
  if (p.count != 1 || std::max({p.m, p.k, p.n}) > kMost) return false;
  Piece piece = piece_of(Piece::Kind::matmul, c.dtype(), p.m * p.n, {&a, &b}, {&c});
  piece.width = static_cast<int32_t>(p.k);
  piece.set(static_cast<int32_t>(p.n));
  const auto steps = [&](bool down, int64_t row, int32_t* at) {
    at[down ? 1 : 0] = static_cast<int32_t>(row);
    at[down ? 0 : 1] = 1;
  };
  steps(transpose_a, a.shape()[-1], piece.at);
  steps(!transpose_b, b.shape()[-1], piece.at + 2);
  return postpone(piece, p.m * p.n * p.k, true);
}

bool Kernels::sum_later(int64_t parts, int64_t channels, const double* sums, double divisor,
                        Tensor& y) {
  Piece piece = piece_of(Piece::Kind::reduce, y.dtype(), channels, {}, {&y});
  piece.in[0] = sums;
  piece.from = DType::f64;
  piece.function = static_cast<uint8_t>(Reduction::sum);
  piece.width = static_cast<int32_t>(parts);
  piece.set(Numbers{divisor});
  Walk kept, reduced;
  kept.add(channels, 1);
  reduced.add(parts, channels);
  return piece.walks[0].take(kept) && piece.walks[1].take(reduced) &&
         postpone(piece, parts * channels, true);
}

bool Kernels::postpone(const Piece& piece, int64_t work, bool divides) {
  constexpr int64_t kMostOfBlock = 1 << 14, kMost = 1 << 18, kOfBlock = 1 << 10;
  if (must_launch_updates_) launch_updates();
  if (!postpones_ || work == 0 || work > (divides ? kMost : kMostOfBlock)) return false;
  if (must_launch_waiting_ && !waiting_->lets_wait(piece)) launch_waiting();
  const auto blocks = static_cast<int32_t>(work <= kMostOfBlock ? 1 : work / kOfBlock);
  if (work_.is_full()) launch_work();
  work_.add(piece, blocks);
  work_needs_waiting_ |= must_launch_waiting_;
  must_launch_work_ = must_launch_waiting_ = false;
  return true;
}

}  // namespace gradus::cuda
