#include <cmath>
#include <limits>

#include "tensor/cpu/parallel.h"
#include "tensor/cpu/reference.h"

namespace gradus::cpu {
namespace {

/// log(sum(exp(x))) of n elements.
template <class T>
double log_sum_exp(const T* x, int64_t n) {
  double max = -std::numeric_limits<double>::infinity(), sum = 0;
  for (int64_t i = 0; i < n; ++i) max = x[i] > max || std::isnan(x[i]) ? double(x[i]) : max;
  if (std::isinf(max)) return max;
  for (int64_t i = 0; i < n; ++i) sum += std::exp(x[i] - max);
  return max + std::log(sum);
}

}  // namespace

void Reference::softmax_cross_entropy(const Tensor& logits, const Tensor& labels, Tensor& loss,
                                      Tensor& log_sum) {
  const int64_t rows = loss.count(), classes = logits.shape()[1];
  visit_float(logits.dtype(), [&]<class T>(T) {
    const T *x = logits.data<T>(), *p = labels.data<T>();
    T* l = loss.mutable_data<T>();
    double* s = log_sum.mutable_data<double>();
    parallel_for(rows, kGrain / (classes + 1) / 8 + 1, [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T *xs = x + row * classes, *ps = p + row * classes;
        const double lse = log_sum_exp(xs, classes);
        double sum = 0;
        for (int64_t c = 0; c < classes; ++c) sum += ps[c] * (lse - xs[c]);
        l[row] = T(sum);
        s[row] = lse;
      }
    });
  });
}

void Reference::softmax_cross_entropy_backward(const Tensor& logits, const Tensor& labels,
                                               const Tensor& log_sum, const Tensor& dy,
                                               Tensor& dlogits) {
  const int64_t rows = dy.count(), classes = logits.shape()[1];
  visit_float(logits.dtype(), [&]<class T>(T) {
    const T *x = logits.data<T>(), *p = labels.data<T>();
    const T* d = dy.data<T>();
    const double* s = log_sum.data<double>();
    T* dx = dlogits.mutable_data<T>();
    parallel_for(rows, kGrain / (classes + 1) / 8 + 1, [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        for (int64_t i = row * classes; i < (row + 1) * classes; ++i)
          dx[i] = T((std::exp(x[i] - s[row]) - p[i]) * d[row]);
    });
  });
}

}  // namespace gradus::cpu
