#include <algorithm>
#include <cmath>

#include "tensor/cpu/column_sums.h"
#include "tensor/cpu/reference.h"

namespace gradus::cpu {
namespace {

/// Calls fn(f, T()) for the activation f and the element type T.
template <class Fn>
void visit(const Activation& activation, DType dtype, const Fn& fn) {
  std::visit([&](auto f) { visit_float(dtype, [&]<class T>(T) { fn(f, T()); }); }, activation);
}

/// dx = dy * df(y) for elements begin to end. (f by value: its members need not be read again at
/// each element, so that this becomes vector code.)
template <class F, class T>
void times_derivative(const F f, int64_t begin, int64_t end, const T* dy, const T* y, T* dx) {
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) dx[i] = dy[i] * f.df(T(0), y[i]);
}

/// acc [columns] += squares of the distances of kRows rows of x [..., columns] from the mean.
template <int kRows, class T>
void add_squares(const T* x, const T* mean, int64_t columns, int64_t row, double* acc) {
#pragma omp simd
  for (int64_t c = 0; c < columns; ++c)
    acc[c] += run_sum<kRows>(row, [=](int64_t i) {
      const T d = x[i * columns + c] - mean[c];
      return d * d;
    });
}

/// acc [2, columns] += sums of d and of d * (x - mean) over kRows rows of both [..., columns].
template <int kRows, class T>
void add_moments(const T* d, const T* x, const T* mean, int64_t columns, int64_t row, double* acc) {
#pragma omp simd
  for (int64_t c = 0; c < columns; ++c) {
    acc[c] += run_sum<kRows>(row, [=](int64_t i) { return d[i * columns + c]; });
    acc[columns + c] += run_sum<kRows>(
        row, [=](int64_t i) { return d[i * columns + c] * (x[i * columns + c] - mean[c]); });
  }
}

}  // namespace

void Reference::moments(const Tensor& x, Tensor& mean, Tensor& variance) {
  const int64_t channels = mean.count(), rows = x.count() / channels;
  visit_float(x.dtype(), [&]<class T>(T) {
    const T* vx = x.data<T>();
    const std::vector<double> m = column_sums<T>(
        rows, channels, 1,
        [=]<int kRows>(int64_t row, double* acc) { add_rows<kRows>(vx, channels, row, acc); });
    T *const vmean = mean.mutable_data<T>(), *const vvariance = variance.mutable_data<T>();
    for (int64_t c = 0; c < channels; ++c) vmean[c] = T(m[c] / static_cast<double>(rows));
    const std::vector<double> squares =
        column_sums<T>(rows, channels, 1, [=]<int kRows>(int64_t row, double* acc) {
          add_squares<kRows>(vx, vmean, channels, row, acc);
        });
    for (int64_t c = 0; c < channels; ++c) {
      const double off =
          m[c] / static_cast<double>(rows) - vmean[c];  // by which the mean is rounded
      vvariance[c] = T(std::max(squares[c] / static_cast<double>(rows) - off * off, 0.0));
    }
  });
}

void Reference::normalize(const Normalization& n, const Activation& activation, const Tensor& x,
                          Tensor& y) {
  const int64_t channels = n.gamma.count(), rows = x.count() / channels;
  visit(activation, x.dtype(), [&]<class T>(auto f, T) {
    std::vector<T> scales(channels);
    for (int64_t c = 0; c < channels; ++c)
      scales[c] = T(n.gamma.data<T>()[c] / std::sqrt(n.variance.data<T>()[c] + n.epsilon));
    const T *vx = x.data<T>(), *mean = n.mean.data<T>(), *beta = n.beta.data<T>();
    const T* scale = scales.data();
    T* vy = y.mutable_data<T>();
    parallel_for(rows, kGrain / channels + 1, [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T* from = vx + row * channels;
        T* to = vy + row * channels;
#pragma omp simd
        for (int64_t c = 0; c < channels; ++c)
          to[c] = f.f((from[c] - mean[c]) * scale[c] + beta[c]);
      }
    });
  });
}

void Reference::normalize_backward(const Normalization& n, const Activation& activation,
                                   const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx,
                                   Tensor& dgamma, Tensor& dbeta) {
  const int64_t channels = n.gamma.count(), rows = x.count() / channels;
  visit(activation, x.dtype(), [&]<class T>(auto f, T) {
    const T *vx = x.data<T>(), *vdy = dy.data<T>(), *mean = n.mean.data<T>();
    const T* vy = is_identity(activation) ? vdy : y.data<T>();
    T *vdx = dx.mutable_data<T>(), *vdgamma = dgamma.mutable_data<T>(),
      *vdbeta = dbeta.mutable_data<T>();
    // dx holds d = dy * df between the two passes.
    const std::vector<double> sums =
        column_sums<T>(rows, channels, 2, [=]<int kRows>(int64_t row, double* acc) {
          times_derivative(f, row * channels, (row + kRows) * channels, vdy, vy, vdx);
          add_moments<kRows>(vdx, vx, mean, channels, row, acc);
        });
    // dx = gamma * rstd * (d - mean(d) - x_hat * mean(d * x_hat)), Ioffe & Szegedy 2015
    std::vector<T> coefficients(3 * channels);
    T *scale = coefficients.data(), *shift = scale + channels, *slope = shift + channels;
    for (int64_t c = 0; c < channels; ++c) {
      const double rstd = 1 / std::sqrt(n.variance.data<T>()[c] + n.epsilon);
      const double along = sums[channels + c] * rstd;  // sum of d * x_hat
      vdgamma[c] = T(along);
      vdbeta[c] = T(sums[c]);
      scale[c] = T(n.gamma.data<T>()[c] * rstd);
      shift[c] = T(sums[c] / static_cast<double>(rows));
      slope[c] = T(along / static_cast<double>(rows) * rstd);
    }
    parallel_for(rows, kGrain / channels + 1, [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t at = row * channels;
#pragma omp simd
        for (int64_t c = 0; c < channels; ++c)
          vdx[at + c] = scale[c] * (vdx[at + c] - shift[c] - slope[c] * (vx[at + c] - mean[c]));
      }
    });
  });
}

void Reference::epilogue_backward(const Activation& activation, const Tensor& y, const Tensor& dy,
                                  Tensor& dx, Tensor& dbias) {
  const int64_t channels = dbias.count();
  if (channels == 0) return;
  visit(activation, y.dtype(), [&]<class T>(auto f, T) {
    const T *vy = y.data<T>(), *vdy = dy.data<T>();
    T *vdx = dx.mutable_data<T>(), *vdbias = dbias.mutable_data<T>();
    const std::vector<double> sums = joined_column_sums<T>(
        y.count() / channels, channels, [=]<int kRows>(int64_t row, int64_t columns, double* acc) {
          times_derivative(f, row * columns, (row + kRows) * columns, vdy, vy, vdx);
          add_rows<kRows>(vdx, columns, row, acc);
        });
    for (int64_t c = 0; c < channels; ++c) vdbias[c] = T(sums[c]);
  });
}

}  // namespace gradus::cpu
