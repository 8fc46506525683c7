#include "tensor/cpu/parallel.h"
#include "tensor/cpu/reference.h"
#include "tensor/walk.h"

namespace gradus::cpu {

void Reference::unary(const UnaryFn& fn, const Tensor& x, Tensor& y) {
  std::visit(
      [&](auto f) {
        visit_float(x.dtype(), [&]<class T>(T) {
          const T* in = x.data<T>();
          T* out = y.mutable_data<T>();
          parallel_for(x.count(), kGrain, [=](int64_t begin, int64_t end) {
#pragma omp simd
            for (int64_t i = begin; i < end; ++i) out[i] = f.f(in[i]);
          });
        });
      },
      fn);
}

void Reference::unary_backward(const UnaryFn& fn, const Tensor& x, const Tensor& y,
                               const Tensor& dy, Tensor& dx) {
  std::visit(
      [&](auto f) {
        visit_float(dy.dtype(), [&]<class T>(T) {
          const T* g = dy.data<T>();
          const T* in = x.defined() ? x.data<T>() : g;
          const T* out = y.defined() ? y.data<T>() : g;
          T* d = dx.mutable_data<T>();
          parallel_for(dy.count(), kGrain, [=](int64_t begin, int64_t end) {
#pragma omp simd
            for (int64_t i = begin; i < end; ++i) d[i] = g[i] * f.df(in[i], out[i]);
          });
        });
      },
      fn);
}

void Reference::binary(const BinaryFn& fn, const Tensor& a, const Tensor& b, Tensor& y) {
  const auto [in_a, in_b] = broadcast_walks(y.shape(), a.shape(), b.shape());
  std::visit(
      [&, in_a = in_a, in_b = in_b](auto f) {
        visit_float(y.dtype(), [&]<class T>(T) {
          const T *va = a.data<T>(), *vb = b.data<T>();
          T* out = y.mutable_data<T>();
          parallel_for(y.count(), kGrain, [=](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i)
              out[i] = f.f(va[in_a.offset(i)], vb[in_b.offset(i)]);
          });
        });
      },
      fn);
}

void Reference::sigmoid_cross_entropy_backward(const Tensor& logits, const Tensor& labels,
                                               const Tensor& dy, Tensor& dlogits) {
  const Walk in_labels = broadcast_walks(logits.shape(), logits.shape(), labels.shape()).second;
  visit_float(logits.dtype(), [&]<class T>(T) {
    const T *x = logits.data<T>(), *p = labels.data<T>(), *d = dy.data<T>();
    T* dx = dlogits.mutable_data<T>();
    for (int64_t i = 0; i < logits.count(); ++i)
      dx[i] = SigmoidCrossEntropy{}.df(x[i], p[in_labels.offset(i)]) * d[i];
  });
}

}  // namespace gradus::cpu
