#include "cuda/channel_packs.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/two_sums.h"

namespace gradus::cuda {
namespace {

/// The sums of x - pivot and of its square, the pivot being the channel's first value: sums of
/// squares of x itself would lose the variance where the mean is large.
template <class T, int kWidth>
__global__ void moment_sums_kernel(ChannelPacks g, const T* x, TwoSums* sums) {
  for (int64_t i = first_item(); i < g.items(); i += item_stride()) {
    const Pack<T, kWidth> pivot = load_pack<kWidth>(x, i % g.packs);
    TwoSums s[kWidth];
    g.for_each_pack(i, [&](int64_t pack) {
      const Pack<T, kWidth> p = load_pack<kWidth>(x, pack);
      for (int k = 0; k < kWidth; ++k) {
        const double d = double(p.v[k]) - double(pivot.v[k]);
        s[k].a += d;
        s[k].b += d * d;
      }
    });
    for (int k = 0; k < kWidth; ++k) sums[i * kWidth + k] = s[k];
  }
}

/// A block a channel.
template <class T>
__global__ void moments_kernel(int64_t rows, int64_t channels, int64_t parts, const TwoSums* sums,
                               const T* x, T* mean, T* variance) {
  const TwoSums s = sum_of_parts(channels, parts, sums);
  if (threadIdx.x) return;
  const int64_t c = blockIdx.x;
  const double shift = s.a / rows, spread = s.b / rows - shift * shift;
  mean[c] = T(double(x[c]) + shift);
  variance[c] = T(spread > 0 ? spread : spread == spread ? 0 : spread);  // NaN stays
}

/// y = f((x - mean) * scale + beta), scale = gamma / sqrt(variance + epsilon).
template <class F, class T, int kWidth>
__global__ void normalize_kernel(F f, ChannelPacks g, T epsilon, const T* x, const T* mean,
                                 const T* variance, const T* gamma, const T* beta, T* y) {
  for (int64_t i = first_item(); i < g.items(); i += item_stride()) {
    const int64_t column = i % g.packs;
    const Pack<T, kWidth> m = load_pack<kWidth>(mean, column), b = load_pack<kWidth>(beta, column);
    const Pack<T, kWidth> v = load_pack<kWidth>(variance, column);
    Pack<T, kWidth> scale = load_pack<kWidth>(gamma, column);
    for (int k = 0; k < kWidth; ++k) scale.v[k] /= sqrt(v.v[k] + epsilon);
    g.for_each_pack(i, [&](int64_t pack) {
      Pack<T, kWidth> p = load_pack<kWidth>(x, pack);
      for (int k = 0; k < kWidth; ++k) p.v[k] = f.f((p.v[k] - m.v[k]) * scale.v[k] + b.v[k]);
      store_pack(y, pack, p);
    });
  }
}

/// The sums of d = dy * df(y) and of d * (x - mean). A y that df does not read may be any.
template <class F, class T, int kWidth>
__global__ void gradient_sums_kernel(F f, ChannelPacks g, const T* x, const T* mean, const T* y,
                                     const T* dy, TwoSums* sums) {
  for (int64_t i = first_item(); i < g.items(); i += item_stride()) {
    const Pack<T, kWidth> m = load_pack<kWidth>(mean, i % g.packs);
    TwoSums s[kWidth];
    g.for_each_pack(i, [&](int64_t pack) {
      const Pack<T, kWidth> in = load_pack<kWidth>(x, pack), out = load_pack<kWidth>(y, pack);
      const Pack<T, kWidth> dout = load_pack<kWidth>(dy, pack);
      for (int k = 0; k < kWidth; ++k) {
        const double d = dout.v[k] * f.df(T(0), out.v[k]);
        s[k].a += d;
        s[k].b += d * (double(in.v[k]) - double(m.v[k]));
      }
    });
    for (int k = 0; k < kWidth; ++k) sums[i * kWidth + k] = s[k];
  }
}

/// A block a channel: dgamma, dbeta, and the coefficients [3, C] of the kernel below.
template <class T>
__global__ void gradient_statistics_kernel(int64_t rows, int64_t channels, int64_t parts,
                                           const TwoSums* sums, double epsilon, const T* gamma,
                                           const T* variance, T* dgamma, T* dbeta,
                                           T* coefficients) {
  const TwoSums s = sum_of_parts(channels, parts, sums);
  if (threadIdx.x) return;
  const int64_t c = blockIdx.x;
  const double rstd = 1 / sqrt(double(variance[c]) + epsilon), along = s.b * rstd;
  dgamma[c] = T(along);
  dbeta[c] = T(s.a);
  coefficients[c] = T(gamma[c] * rstd);
  coefficients[channels + c] = T(s.a / rows);
  coefficients[2 * channels + c] = T(along / rows * rstd);
}

/// dx = gamma * rstd * (d - mean(d) - x_hat * mean(d * x_hat)), Ioffe & Szegedy 2015.
template <class F, class T, int kWidth>
__global__ void normalize_backward_kernel(F f, ChannelPacks g, const T* x, const T* mean,
                                          const T* y, const T* dy, const T* coefficients, T* dx) {
  for (int64_t i = first_item(); i < g.items(); i += item_stride()) {
    const int64_t column = i % g.packs;
    const Pack<T, kWidth> m = load_pack<kWidth>(mean, column);
    const Pack<T, kWidth> scale = load_pack<kWidth>(coefficients, column);
    const Pack<T, kWidth> shift = load_pack<kWidth>(coefficients, g.packs + column);
    const Pack<T, kWidth> slope = load_pack<kWidth>(coefficients, 2 * g.packs + column);
    g.for_each_pack(i, [&](int64_t pack) {
      const Pack<T, kWidth> in = load_pack<kWidth>(x, pack), out = load_pack<kWidth>(y, pack);
      Pack<T, kWidth> d = load_pack<kWidth>(dy, pack);
      for (int k = 0; k < kWidth; ++k)
        d.v[k] = scale.v[k] *
                 (d.v[k] * f.df(T(0), out.v[k]) - shift.v[k] - slope.v[k] * (in.v[k] - m.v[k]));
      store_pack(dx, pack, d);
    });
  }
}

dim3 block_a_channel(int64_t channels) { return dim3(static_cast<unsigned>(channels)); }

}  // namespace

void Kernels::moments(const Tensor& x, Tensor& mean, Tensor& variance) {
  if (leave_moments(x, mean, variance)) return;
  launch_moments(x, mean.mutable_raw(), variance.mutable_raw());
}

void Kernels::launch_moments(const Tensor& x, void* mean, void* variance) {
  const int64_t channels = x.shape()[-1], rows = x.count() / channels;
  with_packs(x.dtype(), channels, [&]<class T, int kWidth>() {
    const ChannelPacks g = packs_to_sum(rows, channels / kWidth);
    PartSums<TwoSums> sums(g.parts, channels, x.device());
    launch_over("moment_sums_kernel", stream(), g.items(), moment_sums_kernel<T, kWidth>, g,
                x.data<T>(), sums.data());
    launch("moments_kernel", stream(), block_a_channel(channels), dim3(kThreads), moments_kernel<T>,
           rows, channels, g.parts, sums.data(), x.data<T>(), static_cast<T*>(mean),
           static_cast<T*>(variance));
  });
}

void Kernels::normalize(const Normalization& n, const Activation& activation, const Tensor& x,
                        Tensor& y) {
  if (normalize_columns(n, activation, x, y)) return;
  const int64_t channels = n.gamma.count();
  std::visit(
      [&](auto f) {
        with_packs(x.dtype(), channels, [&]<class T, int kWidth>() {
          const ChannelPacks g = packs_to_map(x.count() / channels, channels / kWidth);
          launch_over("normalize_kernel", stream(), g.items(),
                      normalize_kernel<decltype(f), T, kWidth>, f, g, T(n.epsilon), x.data<T>(),
                      n.mean.data<T>(), n.variance.data<T>(), n.gamma.data<T>(), n.beta.data<T>(),
                      y.mutable_data<T>());
        });
      },
      activation);
}

void Kernels::normalize_backward(const Normalization& n, const Activation& activation,
                                 const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx,
                                 Tensor& dgamma, Tensor& dbeta) {
  if (normalize_columns_backward(n, activation, x, y, dy, dx, dgamma, dbeta)) return;
  const int64_t channels = n.gamma.count(), rows = x.count() / channels;
  Tensor coefficients({3, channels}, x.dtype(), x.device());
  std::visit(
      [&](auto f) {
        with_packs(x.dtype(), channels, [&]<class T, int kWidth>() {
          const T* out = y.defined() ? y.data<T>() : dy.data<T>();
          const ChannelPacks g = packs_to_sum(rows, channels / kWidth);
          PartSums<TwoSums> sums(g.parts, channels, x.device());
          launch_over("gradient_sums_kernel", stream(), g.items(),
                      gradient_sums_kernel<decltype(f), T, kWidth>, f, g, x.data<T>(),
                      n.mean.data<T>(), out, dy.data<T>(), sums.data());
          launch("gradient_statistics_kernel", stream(), block_a_channel(channels), dim3(kThreads),
                 gradient_statistics_kernel<T>, rows, channels, g.parts, sums.data(), n.epsilon,
                 n.gamma.data<T>(), n.variance.data<T>(), dgamma.mutable_data<T>(),
                 dbeta.mutable_data<T>(), coefficients.mutable_data<T>());
          const ChannelPacks all = packs_to_map(rows, channels / kWidth);
          launch_over("normalize_backward_kernel", stream(), all.items(),
                      normalize_backward_kernel<decltype(f), T, kWidth>, f, all, x.data<T>(),
                      n.mean.data<T>(), out, dy.data<T>(), coefficients.data<T>(),
                      dx.mutable_data<T>());
        });
      },
      activation);
}

}  // namespace gradus::cuda
