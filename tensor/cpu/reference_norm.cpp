#include <cmath>

#include "tensor/cpu/column_sums.h"
#include "tensor/cpu/reference.h"

namespace gradus::cpu {

void Reference::batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, double epsilon,
                           Tensor& y, Tensor& mean, Tensor& variance) {
  const int64_t channels = gamma.count(), rows = x.count() / channels;
  visit_float(x.dtype(), [&]<class T>(T) {
    const T *vx = x.data<T>(), *vg = gamma.data<T>(), *vb = beta.data<T>();
    T *vy = y.data<T>(), *vm = mean.data<T>(), *vv = variance.data<T>();
    std::vector<double> m = column_sums(rows, channels, 1, [&](int64_t row, double* acc) {
      for (int64_t c = 0; c < channels; ++c) acc[c] += vx[row * channels + c];
    });
    for (double& v : m) v /= rows;
    const std::vector<double> squares =
        column_sums(rows, channels, 1, [&](int64_t row, double* acc) {
          for (int64_t c = 0; c < channels; ++c) {
            const double d = vx[row * channels + c] - m[c];
            acc[c] += d * d;
          }
        });
    std::vector<T> scale(channels);
    for (int64_t c = 0; c < channels; ++c) {
      vm[c] = T(m[c]);
      vv[c] = T(squares[c] / rows);
      scale[c] = T(vg[c] / std::sqrt(squares[c] / rows + epsilon));
    }
    parallel_for(rows, kGrain / channels + 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        for (int64_t c = 0; c < channels; ++c)
          vy[row * channels + c] = (vx[row * channels + c] - vm[c]) * scale[c] + vb[c];
    });
  });
}

void Reference::batch_norm_backward(const Tensor& x, const Tensor& gamma, const Tensor& mean,
                                    const Tensor& variance, double epsilon, const Tensor& dy,
                                    Tensor& dx, Tensor& dgamma, Tensor& dbeta) {
  const int64_t channels = gamma.count(), rows = x.count() / channels;
  visit_float(x.dtype(), [&]<class T>(T) {
    const T *vx = x.data<T>(), *vg = gamma.data<T>(), *vm = mean.data<T>(),
            *vv = variance.data<T>();
    const T* vdy = dy.data<T>();
    T* vdx = dx.data<T>();
    const std::vector<double> sums = column_sums(rows, channels, 2, [&](int64_t row, double* acc) {
      for (int64_t c = 0; c < channels; ++c) {
        const double d = vdy[row * channels + c];
        acc[c] += d;
        acc[channels + c] += d * (vx[row * channels + c] - vm[c]);
      }
    });
    // dx = gamma * rstd * (dy - mean(dy) - x_hat * mean(dy * x_hat)), Ioffe & Szegedy 2015
    std::vector<T> scale(channels), shift(channels), slope(channels);
    for (int64_t c = 0; c < channels; ++c) {
      const double rstd = 1 / std::sqrt(vv[c] + epsilon);
      const double along = sums[channels + c] * rstd;  // sum of dy * x_hat
      dgamma.data<T>()[c] = T(along);
      dbeta.data<T>()[c] = T(sums[c]);
      scale[c] = T(vg[c] * rstd);
      shift[c] = T(sums[c] / rows);
      slope[c] = T(along / rows * rstd);
    }
    parallel_for(rows, kGrain / channels + 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        for (int64_t c = 0; c < channels; ++c) {
          const int64_t i = row * channels + c;
          vdx[i] = scale[c] * (vdy[i] - shift[c] - slope[c] * (vx[i] - vm[c]));
        }
    });
  });
}

}  // namespace gradus::cpu
