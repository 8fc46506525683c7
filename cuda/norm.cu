#include "cuda/block_sum.h"
#include "cuda/grid.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"

namespace gradus::cuda {
namespace {

struct TwoSums {
  double a = 0, b = 0;
  __device__ void merge(const TwoSums& o) {
    a += o.a;
    b += o.b;
  }
  __device__ TwoSums shuffle(int mask) const { return {shuffled(a, mask), shuffled(b, mask)}; }
};

/// Rows are summed in so many parts, a thread a part and channel.
int64_t parts_of(int64_t rows, int64_t channels) {
  return std::clamp<int64_t>((int64_t{1} << 16) / channels, 1, (rows + 15) / 16);
}

/// The sums of x - pivot and of its square, the pivot being the channel's first value: sums of
/// squares of x itself would lose the variance where the mean is large.
template <class T>
__global__ void moments_kernel(int64_t rows, int64_t channels, int64_t parts, const T* x,
                               TwoSums* sums) {
  for (int64_t i = first_item(); i < parts * channels; i += item_stride()) {
    const int64_t part = i / channels, c = i - part * channels;
    const T pivot = x[c];
    TwoSums s;
    for (int64_t row = rows * part / parts; row < rows * (part + 1) / parts; ++row) {
      const double d = double(x[row * channels + c]) - double(pivot);
      s.a += d;
      s.b += d * d;
    }
    sums[i] = s;
  }
}

__device__ TwoSums sum_of_parts(int64_t channels, int64_t parts, const TwoSums* sums) {
  TwoSums s;
  for (int64_t p = threadIdx.x; p < parts; p += kThreads) s.merge(sums[p * channels + blockIdx.x]);
  return block_merge(s);
}

/// A block a channel: mean, biased variance, and gamma / sqrt(variance + epsilon).
template <class T>
__global__ void statistics_kernel(int64_t rows, int64_t channels, int64_t parts,
                                  const TwoSums* sums, double epsilon, const T* x, const T* gamma,
                                  T* mean, T* variance, T* scale) {
  const TwoSums s = sum_of_parts(channels, parts, sums);
  if (threadIdx.x) return;
  const int64_t c = blockIdx.x;
  const double shift = s.a / rows, spread = s.b / rows - shift * shift;
  const double v = spread > 0 ? spread : spread == spread ? 0 : spread;  // NaN stays
  mean[c] = T(double(x[c]) + shift);
  variance[c] = T(v);
  scale[c] = T(gamma[c] / sqrt(v + epsilon));
}

/// y = (x - mean) * scale + beta.
template <class T>
__global__ void normalise_kernel(int64_t count, int64_t channels, const T* x, const T* mean,
                                 const T* scale, const T* beta, T* y) {
  for (int64_t i = first_item(); i < count; i += item_stride()) {
    const int64_t c = i % channels;
    y[i] = (x[i] - mean[c]) * scale[c] + beta[c];
  }
}

/// The sums of dy and of dy * (x - mean).
template <class T>
__global__ void gradient_sums_kernel(int64_t rows, int64_t channels, int64_t parts, const T* x,
                                     const T* mean, const T* dy, TwoSums* sums) {
  for (int64_t i = first_item(); i < parts * channels; i += item_stride()) {
    const int64_t part = i / channels, c = i - part * channels;
    const double m = mean[c];
    TwoSums s;
    for (int64_t row = rows * part / parts; row < rows * (part + 1) / parts; ++row) {
      const double d = dy[row * channels + c];
      s.a += d;
      s.b += d * (double(x[row * channels + c]) - m);
    }
    sums[i] = s;
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

/// dx = gamma * rstd * (dy - mean(dy) - x_hat * mean(dy * x_hat)), Ioffe & Szegedy 2015.
template <class T>
__global__ void normalise_backward_kernel(int64_t count, int64_t channels, const T* x,
                                          const T* mean, const T* dy, const T* coefficients,
                                          T* dx) {
  for (int64_t i = first_item(); i < count; i += item_stride()) {
    const int64_t c = i % channels;
    const T scale = coefficients[c], shift = coefficients[channels + c];
    const T slope = coefficients[2 * channels + c];
    dx[i] = scale * (dy[i] - shift - slope * (x[i] - mean[c]));
  }
}

/// Room for the sums of `parts` parts.
struct Scratch {
  Tensor tensor;
  TwoSums* sums;
  Scratch(int64_t parts, int64_t channels, Device device)
      : tensor({parts * channels * 2}, DType::f64, device),
        sums(reinterpret_cast<TwoSums*>(tensor.data<double>())) {}
};

}  // namespace

void Kernels::batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, double epsilon,
                         Tensor& y, Tensor& mean, Tensor& variance) {
  const int64_t channels = gamma.count(), rows = x.count() / channels;
  const int64_t parts = parts_of(rows, channels);
  const Scratch scratch(parts, channels, x.device());
  const Tensor scale = gamma.like();
  visit_float(x.dtype(), [&]<class T>(T) {
    launch_over("moments_kernel", stream_, parts * channels, moments_kernel<T>, rows, channels,
                parts, x.data<T>(), scratch.sums);
    launch("statistics_kernel", stream_, dim3(static_cast<unsigned>(channels)), dim3(kThreads),
           statistics_kernel<T>, rows, channels, parts, scratch.sums, epsilon, x.data<T>(),
           gamma.data<T>(), mean.data<T>(), variance.data<T>(), scale.data<T>());
    launch_over("normalise_kernel", stream_, x.count(), normalise_kernel<T>, x.count(), channels,
                x.data<T>(), mean.data<T>(), scale.data<T>(), beta.data<T>(), y.data<T>());
  });
}

void Kernels::batch_norm_backward(const Tensor& x, const Tensor& gamma, const Tensor& mean,
                                  const Tensor& variance, double epsilon, const Tensor& dy,
                                  Tensor& dx, Tensor& dgamma, Tensor& dbeta) {
  const int64_t channels = gamma.count(), rows = x.count() / channels;
  const int64_t parts = parts_of(rows, channels);
  const Scratch scratch(parts, channels, x.device());
  const Tensor coefficients({3, channels}, x.dtype(), x.device());
  visit_float(x.dtype(), [&]<class T>(T) {
    launch_over("gradient_sums_kernel", stream_, parts * channels, gradient_sums_kernel<T>, rows,
                channels, parts, x.data<T>(), mean.data<T>(), dy.data<T>(), scratch.sums);
    launch("gradient_statistics_kernel", stream_, dim3(static_cast<unsigned>(channels)),
           dim3(kThreads), gradient_statistics_kernel<T>, rows, channels, parts, scratch.sums,
           epsilon, gamma.data<T>(), variance.data<T>(), dgamma.data<T>(), dbeta.data<T>(),
           coefficients.data<T>());
    launch_over("normalise_backward_kernel", stream_, x.count(), normalise_backward_kernel<T>,
                x.count(), channels, x.data<T>(), mean.data<T>(), dy.data<T>(),
                coefficients.data<T>(), dx.data<T>());
  });
}

}  // namespace gradus::cuda
