#include "tensor/cpu/parallel.h"
#include "tensor/cpu/reference.h"

namespace gradus::cpu {

void Reference::update(const UpdateFn& fn, const Tensor& lr, const Tensor& t,
                       std::span<UpdateSlot> slots) {
  const double rate = lr.defined() ? *lr.data<double>() : 0;
  const double number = t.defined() ? *t.data<int32_t>() : 0;
  std::visit(
      [&](auto f) {
        const auto scalars = f.scalars(rate, number);
        for (UpdateSlot& slot : slots)
          visit_float(slot.value.dtype(), [&]<class T>(T) {
            T* w = slot.value.mutable_data<T>();
            T* m = slot.m.defined() ? slot.m.mutable_data<T>() : nullptr;
            T* v = slot.v.defined() ? slot.v.mutable_data<T>() : nullptr;
            const T* g = slot.grad.data<T>();
            parallel_for(slot.value.count(), kGrain, [=](int64_t begin, int64_t end) {
#pragma omp simd
              for (int64_t i = begin; i < end; ++i) {
                T mi = m ? m[i] : T(0), vi = v ? v[i] : T(0);
                f.step(scalars, w[i], g[i], mi, vi);
                if (m) m[i] = mi;
                if (v) v[i] = vi;
              }
            });
          });
      },
      fn);
}

}  // namespace gradus::cpu
