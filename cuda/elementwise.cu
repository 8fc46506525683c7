#include "cuda/grid.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "tensor/walk.h"

namespace gradus::cuda {
namespace {

template <class F, class T>
__global__ void unary_kernel(F f, int64_t n, const T* x, T* y) {
  constexpr int kWidth = Pack<T>::kWidth;
  const int64_t packs = n / kWidth;
  for (int64_t i = first_item(); i < packs; i += item_stride()) {
    Pack<T> p = load_pack<kWidth>(x, i);
    for (int k = 0; k < kWidth; ++k) p.v[k] = f.f(p.v[k]);
    store_pack(y, i, p);
  }
  const int64_t rest = packs * kWidth + first_item();
  if (rest < n) y[rest] = f.f(x[rest]);
}

/// dx = dy * df(x, y); a null x or y is one that df does not read.
template <class F, class T>
__global__ void unary_backward_kernel(F f, int64_t n, const T* x, const T* y, const T* dy, T* dx) {
  constexpr int kWidth = Pack<T>::kWidth;
  const int64_t packs = n / kWidth;
  for (int64_t i = first_item(); i < packs; i += item_stride()) {
    Pack<T> g = load_pack<kWidth>(dy, i);
    const Pack<T> in = x ? load_pack<kWidth>(x, i) : g, out = y ? load_pack<kWidth>(y, i) : g;
    for (int k = 0; k < kWidth; ++k) g.v[k] *= f.df(in.v[k], out.v[k]);
    store_pack(dx, i, g);
  }
  const int64_t rest = packs * kWidth + first_item();
  if (rest < n) dx[rest] = dy[rest] * f.df(x ? x[rest] : T(0), y ? y[rest] : T(0));
}

/// Both operands run along with y.
template <class F, class T>
__global__ void binary_kernel(F f, int64_t n, const T* a, const T* b, T* y) {
  constexpr int kWidth = Pack<T>::kWidth;
  const int64_t packs = n / kWidth;
  for (int64_t i = first_item(); i < packs; i += item_stride()) {
    Pack<T> p = load_pack<kWidth>(a, i);
    const Pack<T> q = load_pack<kWidth>(b, i);
    for (int k = 0; k < kWidth; ++k) p.v[k] = f.f(p.v[k], q.v[k]);
    store_pack(y, i, p);
  }
  const int64_t rest = packs * kWidth + first_item();
  if (rest < n) y[rest] = f.f(a[rest], b[rest]);
}

template <class F, class T>
__global__ void binary_broadcast_kernel(F f, int64_t n, const __grid_constant__ Walk a_walk,
                                        const __grid_constant__ Walk b_walk, const T* a, const T* b,
                                        T* y) {
  for (int64_t i = first_item(); i < n; i += item_stride())
    y[i] = f.f(a[a_walk.offset(i)], b[b_walk.offset(i)]);
}

}  // namespace

void Kernels::unary(const UnaryFn& fn, const Tensor& x, Tensor& y) {
  Piece piece = piece_of(Piece::Kind::unary, x.dtype(), x.count(), {&x}, {&y});
  piece.set(fn);
  if (postpone(piece, x.count(), true)) return;
  std::visit(
      [&](auto f) {
        visit_float(x.dtype(), [&]<class T>(T) {
          launch_over("unary_kernel", stream(), (x.count() + Pack<T>::kWidth - 1) / Pack<T>::kWidth,
                      unary_kernel<decltype(f), T>, f, x.count(), x.data<T>(), y.mutable_data<T>());
        });
      },
      fn);
}

void Kernels::unary_backward(const UnaryFn& fn, const Tensor& x, const Tensor& y, const Tensor& dy,
                             Tensor& dx) {
  Piece piece = piece_of(Piece::Kind::unary_backward, dy.dtype(), dy.count(), {&x, &y, &dy}, {&dx});
  piece.set(fn);
  if (postpone(piece, dy.count(), true)) return;
  std::visit(
      [&](auto f) {
        visit_float(dy.dtype(), [&]<class T>(T) {
          const T* in = x.defined() ? x.data<T>() : nullptr;
          const T* out = y.defined() ? y.data<T>() : nullptr;
          launch_over("unary_backward_kernel", stream(),
                      (dy.count() + Pack<T>::kWidth - 1) / Pack<T>::kWidth,
                      unary_backward_kernel<decltype(f), T>, f, dy.count(), in, out, dy.data<T>(),
                      dx.mutable_data<T>());
        });
      },
      fn);
}

void Kernels::binary(const BinaryFn& fn, const Tensor& a, const Tensor& b, Tensor& y) {
  const std::pair<Walk, Walk> walks = broadcast_walks(y.shape(), a.shape(), b.shape());
  Piece piece = piece_of(Piece::Kind::binary, y.dtype(), y.count(), {&a, &b}, {&y});
  piece.set(fn);
  if (piece.walks[0].take(walks.first) && piece.walks[1].take(walks.second) &&
      postpone(piece, y.count(), true))
    return;
  std::visit(
      [&](auto f) {
        visit_float(y.dtype(), [&]<class T>(T) {
          const int64_t n = y.count();
          if (a.count() == n && b.count() == n) {
            launch_over("binary_kernel", stream(), (n + Pack<T>::kWidth - 1) / Pack<T>::kWidth,
                        binary_kernel<decltype(f), T>, f, n, a.data<T>(), b.data<T>(),
                        y.mutable_data<T>());
            return;
          }
          launch_over("binary_broadcast_kernel", stream(), n,
                      binary_broadcast_kernel<decltype(f), T>, f, n, walks.first, walks.second,
                      a.data<T>(), b.data<T>(), y.mutable_data<T>());
        });
      },
      fn);
}

}  // namespace gradus::cuda
