#include <algorithm>
#include <numeric>

#include "tensor/cpu/reference.h"
#include "tensor/cpu/states.h"
#include "tensor/nan_order.h"

namespace gradus::cpu {
void Reference::reduce(Reduction op, const Tensor& x, Tensor& y) {
  const ReduceWalks walks = reduce_walks(x.shape(), y.shape());
  const int64_t outputs = y.count(), count = outputs ? x.count() / outputs : 0;
  visit_float(x.dtype(), [&]<class T>(T) {
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    visit_reduction(op, count, [&]<class State>(State, double divisor) {
      parallel_for(outputs, kGrain / (count + 1) + 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          State state;
          for (int64_t r = 0; r < count; ++r)
            state.add(in[walks.kept.offset(i) + walks.reduced.offset(r)]);
          out[i] = T(state.result() / divisor);
        }
      });
    });
  });
}

void Reference::softmax(Softmax kind, const Shape& rows, const Tensor& x, Tensor& y) {
  if (x.count() == 0) return;
  const ReduceWalks walks = reduce_walks(x.shape(), rows);
  const Walk row_of = broadcast_walks(x.shape(), rows, rows).first;
  std::vector<reduction::LogTotal> totals(rows.count());
  visit_float(x.dtype(), [&]<class T>(T) {
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    reduce_states<reduction::LogSumExp>(
        in, walks, rows.count(), x.count() / rows.count(),
        [&](int64_t i, const auto& state) { totals[i] = reduction::LogTotal(state); });
    parallel_for(x.count(), kGrain / 8, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        out[i] = T(totals[row_of.offset(i)].softmax(kind, in[i]));
    });
  });
}

void Reference::top_k(const Tensor& x, Tensor& values, Tensor& index) {
  const int64_t width = x.shape()[-1], k = values.shape()[-1];
  visit_float(x.dtype(), [&]<class T>(T) {
    const T* in = x.data<T>();
    T* largest = values.mutable_data<T>();
    int32_t* at = index.mutable_data<int32_t>();
    parallel_for(x.count() / width, kGrain / width + 1, [=](int64_t begin, int64_t end) {
      std::vector<int32_t> order(width);
      for (int64_t row = begin; row < end; ++row) {
        const T* v = in + row * width;
        std::iota(order.begin(), order.end(), 0);
        std::partial_sort(order.begin(), order.begin() + k, order.end(), [v](int32_t i, int32_t j) {
          if (is_larger(v[i], v[j])) return true;
          return !is_larger(v[j], v[i]) && i < j;
        });
        for (int64_t r = 0; r < k; ++r) {
          at[row * k + r] = order[r];
          largest[row * k + r] = v[order[r]];
        }
      }
    });
  });
}

}  // namespace gradus::cpu
