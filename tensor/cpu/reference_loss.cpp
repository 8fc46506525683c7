#include "tensor/cpu/parallel.h"
#include "tensor/cpu/reference.h"
#include "tensor/reduction.h"

namespace gradus::cpu {

using reduction::LogTotal;

void Reference::softmax_cross_entropy(const Tensor& logits, const Tensor& labels, Tensor& loss,
                                      Tensor& totals) {
  const int64_t rows = loss.count(), classes = logits.shape()[1];
  visit_float(logits.dtype(), [&]<class T>(T) {
    const T *x = logits.data<T>(), *p = labels.data<T>();
    T* l = loss.mutable_data<T>();
    double* t = totals.mutable_data<double>();
    parallel_for(rows, kGrain / (classes + 1) / 8 + 1, [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const T *xs = x + row * classes, *ps = p + row * classes;
        reduction::LogSumExp all;
        for (int64_t c = 0; c < classes; ++c) all.add(xs[c]);
        const LogTotal total(all);
        double sum = 0;
        for (int64_t c = 0; c < classes; ++c)
          sum -= weighted<double>(total.log_share(xs[c]), ps[c]);
        l[row] = T(sum);
        t[2 * row] = total.max;
        t[2 * row + 1] = total.above_max;
      }
    });
  });
}

void Reference::softmax_cross_entropy_backward(const Tensor& logits, const Tensor& labels,
                                               const Tensor& totals, const Tensor& dy,
                                               Tensor& dlogits) {
  const int64_t rows = dy.count(), classes = logits.shape()[1];
  visit_float(logits.dtype(), [&]<class T>(T) {
    const T *x = logits.data<T>(), *p = labels.data<T>();
    const T* d = dy.data<T>();
    const double* t = totals.data<double>();
    T* dx = dlogits.mutable_data<T>();
    parallel_for(rows, kGrain / (classes + 1) / 8 + 1, [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const LogTotal total{t[2 * row], t[2 * row + 1]};
        for (int64_t i = row * classes; i < (row + 1) * classes; ++i)
          dx[i] = T(total.share_less(p[i], x[i]) * d[row]);
      }
    });
  });
}

}  // namespace gradus::cpu
