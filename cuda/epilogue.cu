#include "cuda/columns.h"
#include "cuda/kernels.h"

namespace gradus::cuda {
namespace {

/// y = f(y + bias); no bias where it is null.
template <class F, class T, int kWidth>
__global__ void epilogue_kernel(F f, ChannelPacks g, const T* bias, T* y) {
  for (int64_t i = first_item(); i < g.items(); i += item_stride()) {
    Pack<T, kWidth> b{};
    if (bias) b = load_pack<kWidth>(bias, i % g.packs);
    g.for_each_pack(i, [&](int64_t pack) {
      Pack<T, kWidth> p = load_pack<kWidth>(y, pack);
      for (int k = 0; k < kWidth; ++k) p.v[k] = f.f(p.v[k] + b.v[k]);
      store_pack(y, pack, p);
    });
  }
}

/// dx = dy * df(y), and its sums.
template <class F, class T, int kWidth>
__global__ void epilogue_backward_kernel(F f, ChannelPacks g, const T* y, const T* dy, T* dx,
                                         Sum* sums) {
  for (int64_t i = first_item(); i < g.items(); i += item_stride()) {
    Sum s[kWidth];
    g.for_each_pack(i, [&](int64_t pack) {
      const Pack<T, kWidth> out = load_pack<kWidth>(y, pack);
      Pack<T, kWidth> d = load_pack<kWidth>(dy, pack);
      for (int k = 0; k < kWidth; ++k) {
        d.v[k] *= f.df(T(0), out.v[k]);
        s[k].add(d.v[k]);
      }
      store_pack(dx, pack, d);
    });
    for (int k = 0; k < kWidth; ++k) sums[i * kWidth + k] = s[k];
  }
}

/// A block a channel.
template <class T>
__global__ void bias_gradient_kernel(int64_t channels, int64_t parts, const Sum* sums, T* dbias) {
  const Sum s = sum_of_parts(channels, parts, sums);
  if (threadIdx.x == 0) dbias[blockIdx.x] = T(s.result());
}

/// Both, for few rows.
template <class F, class T, int kWidth>
__global__ void epilogue_backward_columns_kernel(F f, Column<T, kWidth> column, const T* y,
                                                 const T* dy, T* dx, T* dbias) {
  Sum s[kWidth];
  column.for_each_row(
      [&](int64_t at, Pack<T, kWidth>* in) {
        for (int k = 0; k < kWidth; ++k) {
          in[1].v[k] *= f.df(T(0), in[0].v[k]);
          s[k].add(in[1].v[k]);
        }
        store_pack(dx, at, in[1]);
      },
      y, dy);
  for (int k = 0; k < kWidth; ++k) {
    const Sum all = block_merge(s[k]);
    if (threadIdx.x == 0) dbias[int64_t{blockIdx.x} * kWidth + k] = T(all.result());
  }
}

}  // namespace

void Kernels::apply_epilogue(const Epilogue& epilogue, Tensor& y) {
  if (y.count() == 0 || (is_identity(epilogue.activation) && !epilogue.bias.defined())) return;
  if (!leave_bias(epilogue, y)) launch_epilogue(epilogue, y, y.mutable_raw());
}

void Kernels::launch_epilogue(const Epilogue& epilogue, const Tensor& y, void* to) {
  const int64_t channels = y.shape()[-1];
  std::visit(
      [&](auto f) {
        with_packs(y.dtype(), channels, [&]<class T, int kWidth>() {
          const ChannelPacks g = packs_to_map(y.count() / channels, channels / kWidth);
          const T* bias = epilogue.bias.defined() ? epilogue.bias.data<T>() : nullptr;
          launch_over("epilogue_kernel", stream(), g.items(),
                      epilogue_kernel<decltype(f), T, kWidth>, f, g, bias, static_cast<T*>(to));
        });
      },
      epilogue.activation);
}

void Kernels::epilogue_backward(const Activation& activation, const Tensor& y, const Tensor& dy,
                                Tensor& dx, Tensor& dbias) {
  const int64_t channels = dbias.count();
  if (channels == 0) return;
  if (postpones_ && has_few_rows(y)) {
    with_columns(activation, y, [&]<class F, class T, int kWidth>(F f, Column<T, kWidth> column) {
      launch("epilogue_backward_columns_kernel", stream(),
             dim3(static_cast<unsigned>(column.packs)), threads_for(column.rows),
             epilogue_backward_columns_kernel<F, T, kWidth>, f, column, y.data<T>(), dy.data<T>(),
             dx.mutable_data<T>(), dbias.mutable_data<T>());
    });
    return;
  }
  std::visit(
      [&](auto f) {
        with_packs(y.dtype(), channels, [&]<class T, int kWidth>() {
          const ChannelPacks g = packs_to_sum(y.count() / channels, channels / kWidth);
          PartSums<Sum> sums(g.parts, channels, y.device());
          launch_over("epilogue_backward_kernel", stream(), g.items(),
                      epilogue_backward_kernel<decltype(f), T, kWidth>, f, g, y.data<T>(),
                      dy.data<T>(), dx.mutable_data<T>(), sums.data());
          if (sum_later(g.parts, channels, &sums.data()->sum, 1, dbias)) return;
          launch("bias_gradient_kernel", stream(), dim3(static_cast<unsigned>(channels)),
                 dim3(kThreads), bias_gradient_kernel<T>, channels, g.parts, sums.data(),
                 dbias.mutable_data<T>());
        });
      },
      activation);
}

}  // namespace gradus::cuda
