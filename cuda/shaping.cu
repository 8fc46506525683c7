#include <algorithm>
#include <cstring>

#include "cuda/grid.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "tensor/walk.h"

namespace gradus::cuda {
namespace {

template <class T>
__global__ void fill_kernel(T value, int64_t n, T* y) {
  for (int64_t i = first_item(); i < n; i += item_stride()) y[i] = value;
}

template <class From, class To>
__global__ void cast_kernel(int64_t n, const From* x, To* y) {
  for (int64_t i = first_item(); i < n; i += item_stride()) y[i] = static_cast<To>(x[i]);
}

/// Rows of `length` units from x, `x_row` apart, to y, `y_row` apart.
template <class Unit>
__global__ void copy_rows_kernel(int64_t rows, int64_t length, int64_t x_row, int64_t y_row,
                                 const Unit* x, Unit* y) {
  for (int64_t i = first_item(); i < rows * length; i += item_stride()) {
    const int64_t row = i / length, at = i - row * length;
    y[row * y_row + at] = x[row * x_row + at];
  }
}

template <class T>
__global__ void copy_strided_kernel(int64_t n, const __grid_constant__ Walk x_walk, const T* x,
                                    T* y) {
  for (int64_t i = first_item(); i < n; i += item_stride()) y[i] = x[x_walk.offset(i)];
}

/// kWidth neighbouring elements of a row, moved as one.
template <class T, int kWidth>
struct alignas(sizeof(T) * kWidth > 16 ? 16 : sizeof(T) * kWidth) Run {
  T v[kWidth];
};

template <int kWidth, class In, class T>
__global__ void gather_kernel(int64_t rows, int64_t row_runs, const int32_t* index, T scale,
                              T shift, const In* x, T* y) {
  for (int64_t i = first_item(); i < rows * row_runs; i += item_stride()) {
    const int64_t row = i / row_runs, run = i - row * row_runs;
    const Run<In, kWidth> in =
        reinterpret_cast<const Run<In, kWidth>*>(x)[index[row] * row_runs + run];
    Run<T, kWidth> out;
    for (int k = 0; k < kWidth; ++k) out.v[k] = T(scale * T(in.v[k]) + shift);
    reinterpret_cast<Run<T, kWidth>*>(y)[i] = out;
  }
}

/// A thread a column adds the rows in order: the same bits each time, equal indices or not.
template <class T>
__global__ void gather_backward_kernel(int64_t rows, int64_t width, const int32_t* index,
                                       const T* dy, T* dx) {
  for (int64_t j = first_item(); j < width; j += item_stride())
    for (int64_t i = 0; i < rows; ++i) dx[index[i] * width + j] += dy[i * width + j];
}

template <class T>
__global__ void one_hot_kernel(int64_t n, int64_t depth, const int32_t* index, T* y) {
  for (int64_t i = first_item(); i < n; i += item_stride()) {
    const int64_t row = i / depth;
    y[i] = index[row] == i - row * depth ? T(1) : T(0);
  }
}

__global__ void increment_kernel(int32_t* counter) { ++*counter; }

template <size_t kSize>
struct Bytes {
  uint8_t v[kSize];
};

template <size_t kSize>
__global__ void write_kernel(const __grid_constant__ Bytes<kSize> bytes, int64_t n, uint8_t* y) {
  for (int64_t i = first_item(); i < n; i += item_stride()) y[i] = bytes.v[i];
}

}  // namespace

void Kernels::fill(double value, Tensor& y) {
  Piece piece = piece_of(Piece::Kind::fill, y.dtype(), y.count(), {}, {&y});
  piece.set(Numbers{value});
  if (postpone(piece, y.count(), true)) return;
  visit_dtype(y.dtype(), [&]<class T>(T) {
    launch_over("fill_kernel", stream(), y.count(), fill_kernel<T>, T(value), y.count(),
                y.mutable_data<T>());
  });
}

void Kernels::cast(const Tensor& x, Tensor& y) {
  Piece piece = piece_of(Piece::Kind::cast, y.dtype(), y.count(), {&x}, {&y});
  piece.from = x.dtype();
  if (postpone(piece, y.count(), true)) return;
  visit_dtype(x.dtype(), [&]<class From>(From) {
    visit_dtype(y.dtype(), [&]<class To>(To) {
      launch_over("cast_kernel", stream(), x.count(), cast_kernel<From, To>, x.count(),
                  x.data<From>(), y.mutable_data<To>());
    });
  });
}

void Kernels::copy_slice(const Tensor& x, int axis, int64_t x_begin, int64_t y_begin,
                         int64_t length, Tensor& y) {
  int64_t rows = 1, inner = static_cast<int64_t>(size_of(x.dtype()));
  for (int i = 0; i < axis; ++i) rows *= x.shape()[i];
  for (int i = axis + 1; i < x.shape().rank(); ++i) inner *= x.shape()[i];
  const int64_t x_row = x.shape()[axis] * inner, y_row = y.shape()[axis] * inner;
  if (const int64_t unit = inner % 4 ? 1 : 4; std::max(x.bytes(), y.bytes()) < size_t{1} << 30) {
    Piece piece = piece_of(Piece::Kind::copy_rows, unit == 4 ? DType::i32 : DType::u8,
                           rows * length * inner / unit, {&x}, {&y});
    piece.width = static_cast<int32_t>(length * inner / unit);
    const int64_t at[] = {x_row, y_row, x_begin * inner, y_begin * inner};
    for (int i = 0; i < 4; ++i) piece.at[i] = static_cast<int32_t>(at[i] / unit);
    if (postpone(piece, piece.count, true)) return;
  }
  const auto copy_as = [&]<class Unit>(Unit) {
    constexpr int64_t kSize = sizeof(Unit);
    launch_over("copy_rows_kernel", stream(), rows * length * inner / kSize, copy_rows_kernel<Unit>,
                rows, length * inner / kSize, x_row / kSize, y_row / kSize,
                static_cast<const Unit*>(x.raw()) + x_begin * inner / kSize,
                static_cast<Unit*>(y.mutable_raw()) + y_begin * inner / kSize);
  };
  const auto divides = [&](int64_t size) {
    return (x_row | y_row | length * inner | x_begin * inner | y_begin * inner) % size == 0;
  };
  if (divides(16))
    copy_as(Pack<uint8_t>{});
  else if (divides(4))
    copy_as(uint32_t{});
  else
    copy_as(uint8_t{});
}

void Kernels::copy_strided(const Tensor& x, int64_t first, std::span<const int64_t> steps,
                           Tensor& y) {
  if (y.count() == 0) return;
  Walk walk;
  for (int i = y.shape().rank() - 1; i >= 0; --i)
    if (y.shape()[i] != 1) walk.add(y.shape()[i], steps[i]);
  visit_dtype(x.dtype(), [&]<class T>(T) {
    launch_over("copy_strided_kernel", stream(), y.count(), copy_strided_kernel<T>, y.count(), walk,
                x.data<T>() + first, y.mutable_data<T>());
  });
}

void Kernels::gather(const Tensor& x, const Tensor& index, double scale, double shift, Tensor& y) {
  if (y.count() == 0) return;
  const int64_t rows = index.count(), width = y.count() / rows;
  if (is_float(y.dtype())) {
    Piece piece = piece_of(Piece::Kind::gather, y.dtype(), y.count(), {&x, &index}, {&y});
    piece.from = x.dtype();
    piece.width = static_cast<int32_t>(width);
    piece.set(Numbers{scale, shift});
    if (postpone(piece, y.count(), false)) return;
  }
  visit_gathered(x.dtype(), y.dtype(), [&]<class In, class T>(In, T) {
    if (width % 4 == 0)
      launch_over("gather_kernel", stream(), y.count() / 4, gather_kernel<4, In, T>, rows,
                  width / 4, index.data<int32_t>(), T(scale), T(shift), x.data<In>(),
                  y.mutable_data<T>());
    else
      launch_over("gather_kernel", stream(), y.count(), gather_kernel<1, In, T>, rows, width,
                  index.data<int32_t>(), T(scale), T(shift), x.data<In>(), y.mutable_data<T>());
  });
}

void Kernels::gather_backward(const Tensor& index, const Tensor& dy, Tensor& dx) {
  if (dy.count() == 0) return;
  const int64_t rows = index.count(), width = dy.count() / rows;
  visit_float(dy.dtype(), [&]<class T>(T) {
    launch_over("gather_backward_kernel", stream(), width, gather_backward_kernel<T>, rows, width,
                index.data<int32_t>(), dy.data<T>(), dx.mutable_data<T>());
  });
}

void Kernels::one_hot(const Tensor& index, Tensor& y) {
  Piece piece = piece_of(Piece::Kind::one_hot, y.dtype(), y.count(), {&index}, {&y});
  piece.width = static_cast<int32_t>(y.shape()[1]);
  if (postpone(piece, y.count(), false)) return;
  visit_float(y.dtype(), [&]<class T>(T) {
    launch_over("one_hot_kernel", stream(), y.count(), one_hot_kernel<T>, y.count(), y.shape()[1],
                index.data<int32_t>(), y.mutable_data<T>());
  });
}

bool Kernels::copy_later(const void* from, void* to, size_t bytes) {
  about_to_use(from);
  about_to_use(to);
  const bool in_words = bytes % 4 == 0;
  Piece piece{.kind = Piece::Kind::copy_rows, .dtype = in_words ? DType::i32 : DType::u8};
  piece.in[0] = from;
  piece.out[0] = to;
  const auto count = static_cast<int64_t>(in_words ? bytes / 4 : bytes);
  piece.count = piece.width = static_cast<int32_t>(count);
  return postpone(piece, count, true);
}

void Kernels::write(const void* host, void* device, size_t bytes) {
  launch_small_work();
  Bytes<kMostWritten> taken;
  if (bytes) std::memcpy(taken.v, host, bytes);
  launch_over("write_kernel", stream(), static_cast<int64_t>(bytes), write_kernel<kMostWritten>,
              taken, static_cast<int64_t>(bytes), static_cast<uint8_t*>(device));
}

cudaError_t Kernels::find_code() {
  cudaFuncAttributes attributes{};
  return cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(increment_kernel));
}

void Kernels::increment(Tensor& counter) {
  if (postpone(piece_of(Piece::Kind::increment, DType::i32, 1, {}, {&counter}), 1, false)) return;
  launch("increment_kernel", stream(), dim3(1), dim3(1), increment_kernel,
         counter.mutable_data<int32_t>());
}

}  // namespace gradus::cuda
