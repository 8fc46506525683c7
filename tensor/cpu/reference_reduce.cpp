#include <cmath>
#include <limits>
#include <numeric>

#include "tensor/cpu/parallel.h"
#include "tensor/cpu/reference.h"
#include "tensor/nan_order.h"

namespace gradus::cpu {
namespace {

/// Offsets of the elements of x that one element of y is reduced from: those of the kept axes
/// (in y's order) and those of the reduced axes.
struct Offsets {
  std::vector<int64_t> kept{0}, reduced{0};

  Offsets(const Shape& x, const Shape& y) {
    int64_t step = x.count();
    for (int i = 0; i < x.rank(); ++i) {
      step /= std::max<int64_t>(x[i], 1);
      const int in_y = i - (x.rank() - y.rank());
      const bool is_reduced = in_y < 0 || (y[in_y] == 1 && x[i] != 1);
      std::vector<int64_t>& list = is_reduced ? reduced : kept;
      std::vector<int64_t> longer;
      longer.reserve(list.size() * x[i]);
      for (const int64_t base : list)
        for (int64_t k = 0; k < x[i]; ++k) longer.push_back(base + k * step);
      list = std::move(longer);
    }
  }
};

}  // namespace

void Reference::reduce(Reduction op, const Tensor& x, Tensor& y) {
  const Offsets offsets(x.shape(), y.shape());
  visit_float(x.dtype(), [&]<class T>(T) {
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    parallel_for(
        y.count(), kGrain / (offsets.reduced.size() + 1) + 1, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            const T* base = in + offsets.kept[i];
            double max = -std::numeric_limits<double>::infinity(), sum = 0;
            if (op != Reduction::sum)
              for (const int64_t r : offsets.reduced)
                max = std::isnan(base[r]) ? double(base[r]) : std::max(max, double(base[r]));
            if (op == Reduction::sum)
              for (const int64_t r : offsets.reduced) sum += base[r];
            if (op == Reduction::logsumexp)
              for (const int64_t r : offsets.reduced) sum += std::exp(base[r] - max);
            out[i] = T(op == Reduction::sum   ? sum
                       : op == Reduction::max ? max
                       : std::isinf(max)      ? max
                                              : max + std::log(sum));
          }
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
