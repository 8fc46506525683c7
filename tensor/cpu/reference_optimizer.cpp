#include <cmath>

#include "tensor/cpu/parallel.h"
#include "tensor/cpu/reference.h"

namespace gradus::cpu {

void Reference::adam(const AdamParams& p, const Tensor& lr, const Tensor& t,
                     std::span<const AdamSlot> slots) {
  const double step = *t.data<int32_t>();
  const double correction1 = 1 - std::pow(p.beta1, step);
  const double correction2 = std::sqrt(1 - std::pow(p.beta2, step));
  const double rate = *lr.data<double>() * correction2 / correction1;
  const double epsilon = p.epsilon_hat ? p.epsilon : p.epsilon * correction2;
  for (const AdamSlot& slot : slots)
    visit_float(slot.value.dtype(), [&]<class T>(T) {
      T *w = slot.value.data<T>(), *m = slot.m.data<T>(), *v = slot.v.data<T>();
      const T* g = slot.grad.data<T>();
      const T beta1 = T(p.beta1), beta2 = T(p.beta2), eps = T(epsilon), scale = T(rate);
      const T rest1 = T(1 - p.beta1), rest2 = T(1 - p.beta2);
      parallel_for(slot.value.count(), kGrain, [=](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          m[i] = beta1 * m[i] + rest1 * g[i];
          v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
          w[i] -= scale * m[i] / (std::sqrt(v[i]) + eps);
        }
      });
    });
}

void Reference::sgd(double momentum, const Tensor& lr, std::span<const SgdSlot> slots) {
  for (const SgdSlot& slot : slots)
    visit_float(slot.value.dtype(), [&]<class T>(T) {
      T* w = slot.value.data<T>();
      T* velocity = slot.velocity.defined() ? slot.velocity.data<T>() : nullptr;
      const T* g = slot.grad.data<T>();
      const T rate = T(*lr.data<double>()), keep = T(momentum);
      for (int64_t i = 0; i < slot.value.count(); ++i) {
        T d = g[i];
        if (velocity) d = velocity[i] = keep * velocity[i] + d;
        w[i] -= rate * d;
      }
    });
}

}  // namespace gradus::cpu
