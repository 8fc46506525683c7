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

}  // namespace

void Reference::moments(const Tensor& x, Tensor& mean, Tensor& variance) {
  const int64_t channels = mean.count(), rows = x.count() / channels;
  visit_float(x.dtype(), [&]<class T>(T) {
    const T* vx = x.data<T>();
    std::vector<double> m = column_sums(rows, channels, 1, [=](int64_t row, double* acc) {
      for (int64_t c = 0; c < channels; ++c) acc[c] += vx[row * channels + c];
    });
    for (double& v : m) v /= static_cast<double>(rows);
    const std::vector<double> squares =
        column_sums(rows, channels, 1, [=, m = m.data()](int64_t row, double* acc) {
#pragma omp simd
          for (int64_t c = 0; c < channels; ++c) {
            const double d = vx[row * channels + c] - m[c];
            acc[c] += d * d;
          }
        });
    for (int64_t c = 0; c < channels; ++c) {
      mean.data<T>()[c] = T(m[c]);
      variance.data<T>()[c] = T(squares[c] / static_cast<double>(rows));
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
    T* vy = y.data<T>();
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
    T* vdx = dx.data<T>();
    const std::vector<double> sums = column_sums(rows, channels, 2, [=](int64_t row, double* acc) {
      const int64_t at = row * channels;
#pragma omp simd
      for (int64_t c = 0; c < channels; ++c) {
        const T d = vdy[at + c] * f.df(T(0), vy[at + c]);
        acc[c] += d;
        acc[channels + c] += double(d) * (vx[at + c] - mean[c]);
      }
    });
    // dx = gamma * rstd * (d - mean(d) - x_hat * mean(d * x_hat)), d = dy * df, Ioffe & Szegedy
    // 2015
    std::vector<T> coefficients(3 * channels);
    T *scale = coefficients.data(), *shift = scale + channels, *slope = shift + channels;
    for (int64_t c = 0; c < channels; ++c) {
      const double rstd = 1 / std::sqrt(n.variance.data<T>()[c] + n.epsilon);
      const double along = sums[channels + c] * rstd;  // sum of d * x_hat
      dgamma.data<T>()[c] = T(along);
      dbeta.data<T>()[c] = T(sums[c]);
      scale[c] = T(n.gamma.data<T>()[c] * rstd);
      shift[c] = T(sums[c] / static_cast<double>(rows));
      slope[c] = T(along / static_cast<double>(rows) * rstd);
    }
    parallel_for(rows, kGrain / channels + 1, [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t at = row * channels;
#pragma omp simd
        for (int64_t c = 0; c < channels; ++c) {
          const T d = vdy[at + c] * f.df(T(0), vy[at + c]);
          vdx[at + c] = scale[c] * (d - shift[c] - slope[c] * (vx[at + c] - mean[c]));
        }
      }
    });
  });
}

void Reference::epilogue_backward(const Activation& activation, const Tensor& y, const Tensor& dy,
                                  Tensor& dx, Tensor& dbias) {
  const int64_t channels = dbias.count(), rows = channels ? y.count() / channels : 0;
  visit(activation, y.dtype(), [&]<class T>(auto f, T) {
    const T *vy = y.data<T>(), *vdy = dy.data<T>();
    T* vdx = dx.data<T>();
    const std::vector<double> sums = column_sums(rows, channels, 1, [=](int64_t row, double* acc) {
      const int64_t at = row * channels;
#pragma omp simd
      for (int64_t c = 0; c < channels; ++c) {
        const T d = vdy[at + c] * f.df(T(0), vy[at + c]);
        vdx[at + c] = d;
        acc[c] += d;
      }
    });
    for (int64_t c = 0; c < channels; ++c) dbias.data<T>()[c] = T(sums[c]);
  });
}

}  // namespace gradus::cpu
