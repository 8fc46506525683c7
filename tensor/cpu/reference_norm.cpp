#include <cmath>
#include <vector>

#include "tensor/cpu/parallel.h"
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
    T *vmean = mean.mutable_data<T>(), *vvariance = variance.mutable_data<T>();
    for (int64_t c = 0; c < channels; ++c) {
      double sum = 0, squares = 0;
      for (int64_t row = 0; row < rows; ++row) sum += vx[row * channels + c];
      const double m = sum / static_cast<double>(rows);
      for (int64_t row = 0; row < rows; ++row) {
        const double d = vx[row * channels + c] - m;
        squares += d * d;
      }
      vmean[c] = T(m);
      vvariance[c] = T(squares / static_cast<double>(rows));
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
    const T *vx = x.data<T>(), *vdy = dy.data<T>();
    const T* vy = is_identity(activation) ? vdy : y.data<T>();
    const T *gamma = n.gamma.data<T>(), *mean = n.mean.data<T>(), *variance = n.variance.data<T>();
    T *vdx = dx.mutable_data<T>(), *vdgamma = dgamma.mutable_data<T>(),
      *vdbeta = dbeta.mutable_data<T>();
    for (int64_t c = 0; c < channels; ++c) {
      const double rstd = 1 / std::sqrt(variance[c] + n.epsilon);
      double sum = 0, along = 0;  // of d = dy * df, and of d * x_hat
      for (int64_t i = c; i < rows * channels; i += channels) {
        const double d = vdy[i] * f.df(T(0), vy[i]);
        sum += d;
        along += d * (vx[i] - mean[c]) * rstd;
      }
      // dx = gamma * rstd * (d - mean(d) - x_hat * mean(d * x_hat)), Ioffe & Szegedy 2015
      const auto count = static_cast<double>(rows);
      for (int64_t i = c; i < rows * channels; i += channels) {
        const double d = vdy[i] * f.df(T(0), vy[i]), x_hat = (vx[i] - mean[c]) * rstd;
        vdx[i] = T(gamma[c] * rstd * (d - sum / count - x_hat * along / count));
      }
      vdgamma[c] = T(along);
      vdbeta[c] = T(sum);
    }
  });
}

void Reference::epilogue_backward(const Activation& activation, const Tensor& y, const Tensor& dy,
                                  Tensor& dx, Tensor& dbias) {
  const int64_t channels = dbias.count();
  visit(activation, y.dtype(), [&]<class T>(auto f, T) {
    const T *vy = y.data<T>(), *vdy = dy.data<T>();
    T *vdx = dx.mutable_data<T>(), *vdbias = dbias.mutable_data<T>();
    for (int64_t c = 0; c < channels; ++c) {
      double sum = 0;
      for (int64_t i = c; i < y.count(); i += channels) {
        vdx[i] = vdy[i] * f.df(T(0), vy[i]);
        sum += vdx[i];
      }
      vdbias[c] = T(sum);
    }
  });
}

}  // namespace gradus::cpu
