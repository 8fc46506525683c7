#include "tensor/cpu/column_sums.h"
#include "tensor/cpu/cpu.h"
#include "tensor/cpu/states.h"

namespace gradus::cpu {
namespace {

/// x seen as [outer, rows, inner], of which the rows are to be summed; rows 0 where it cannot be.
struct Middle {
  int64_t outer = 1, rows = 0, inner = 1;

  Middle(const Shape& x, const Shape& y) {
    const int lead = x.rank() - y.rank();
    const auto kept = [&](int i) { return i >= lead && y[i - lead] == x[i]; };
    int first = 0, last = x.rank();
    while (first < last && kept(first)) outer *= x[first++];
    while (last > first && kept(last - 1)) inner *= x[--last];
    for (int i = first; i < last; ++i)
      if (kept(i) && x[i] != 1) return;
    rows = x.count() / std::max<int64_t>(outer * inner, 1);
  }
};

/// Sums over leading walks (gradients of biases) and over a middle one (pooling) read x row by row.
template <class T>
void sum_rows(const Middle& m, const T* x, double divisor, T* y) {
  constexpr int64_t kTile = 1024;
  // Each in parts, and those of whole matrices as kernels that sum beside other work do it.
  const bool is_matrix = m.outer == 1 && (m.inner <= kTile || m.rows >= 16);
  if (is_matrix || (m.inner <= kTile && m.rows * m.inner >= 2 * kGrain)) {
    for (int64_t o = 0; o < m.outer; ++o) {
      const T* in = x + o * m.rows * m.inner;
      const std::vector<double> sums = joined_column_sums<T>(
          m.rows, m.inner, [=]<int kRows>(int64_t row, int64_t columns, double* acc) {
            add_rows<kRows>(in, columns, row, acc);
          });
      for (int64_t c = 0; c < m.inner; ++c) y[o * m.inner + c] = T(sums[c] / divisor);
    }
    return;
  }
  const int64_t tiles = (m.inner + kTile - 1) / kTile, tile = std::min(m.inner, kTile);
  parallel_for(m.outer * tiles, kGrain / (m.rows * tile) + 1, [=](int64_t begin, int64_t end) {
    double acc[kTile];
    for (int64_t i = begin; i < end; ++i) {
      const int64_t o = i / tiles, at = i % tiles * kTile, n = std::min(kTile, m.inner - at);
      std::fill_n(acc, n, 0.0);
      for (int64_t row = 0; row < m.rows; ++row) {
        const T* in = x + (o * m.rows + row) * m.inner + at;
        for (int64_t c = 0; c < n; ++c) acc[c] += in[c];
      }
      for (int64_t c = 0; c < n; ++c) y[o * m.inner + at + c] = T(acc[c] / divisor);
    }
  });
}

}  // namespace

void Cpu::reduce(Reduction op, const Tensor& x, Tensor& y) {
  const int64_t outputs = y.count(), count = outputs ? x.count() / outputs : 0;
  const Middle middle(x.shape(), y.shape());
  const ReduceWalks walks = reduce_walks(x.shape(), y.shape());
  visit_float(x.dtype(), [&]<class T>(T) {
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    visit_reduction(op, count, [&]<class State>(State, double divisor) {
      if (std::is_same_v<State, reduction::Sum> && middle.inner > 1 && middle.rows > 0)
        return sum_rows(middle, in, divisor, out);
      reduce_states<State>(in, walks, outputs, count, [=](int64_t i, const State& state) {
        out[i] = T(state.result() / divisor);
      });
    });
  });
}

}  // namespace gradus::cpu
