#include "tensor/cpu/cpu.h"
#include "tensor/cpu/parallel.h"

// Element-wise functions of two operands that broadcast, a run of elements at a time.

namespace gradus::cpu {
namespace {

/// Rows of a broadcast: `rows` runs of `length` elements of y, and where a and b stand in each.
/// Neighbouring axes along which both operands run on are joined, so equal shapes are one row.
class Broadcast {
 public:
  Broadcast(const Shape& y, const Shape& a, const Shape& b) {
    int64_t step_a = 1, step_b = 1;
    for (int i = 1; i <= y.rank(); ++i) {
      const int64_t ea = i <= a.rank() ? a[-i] : 1, eb = i <= b.rank() ? b[-i] : 1;
      const Axis axis{y[-i], ea == 1 ? 0 : step_a, eb == 1 ? 0 : step_b};
      step_a *= ea;
      step_b *= eb;
      if (axis.extent == 1) continue;
      if (rank_ && axis.a == axes_[rank_ - 1].a * axes_[rank_ - 1].extent &&
          axis.b == axes_[rank_ - 1].b * axes_[rank_ - 1].extent)
        axes_[rank_ - 1].extent *= axis.extent;
      else
        axes_[rank_++] = axis;
    }
    if (rank_ == 0) axes_[rank_++] = {1, 1, 1};
    for (int i = 1; i < rank_; ++i) rows_ *= axes_[i].extent;
  }

  /// Calls fn(y offset, a offset, b offset, length, a's step, b's step) for each row.
  template <class Fn>
  void for_each_row(const Fn& fn) const {
    const auto [length, sa, sb] = axes_[0];
    if (rows_ == 1) {
      parallel_for(length, kGrain, [&, sa = sa, sb = sb](int64_t begin, int64_t end) {
        fn(begin, begin * sa, begin * sb, end - begin, sa, sb);
      });
      return;
    }
    parallel_for(rows_, kGrain / length + 1,
                 [&, length = length, sa = sa, sb = sb](int64_t begin, int64_t end) {
                   for (int64_t row = begin; row < end; ++row) {
                     int64_t rest = row, at_a = 0, at_b = 0;
                     for (int i = 1; i < rank_; ++i) {
                       const int64_t at = rest % axes_[i].extent;
                       rest /= axes_[i].extent;
                       at_a += at * axes_[i].a;
                       at_b += at * axes_[i].b;
                     }
                     fn(row * length, at_a, at_b, length, sa, sb);
                   }
                 });
  }

 private:
  struct Axis {
    int64_t extent, a, b;
  };
  Axis axes_[Shape::kMaxRank]{};
  int rank_ = 0;
  int64_t rows_ = 1;
};

}  // namespace

void Cpu::binary(const BinaryFn& fn, const Tensor& a, const Tensor& b, Tensor& y) {
  if (y.count() == 0) return;
  const Broadcast broadcast(y.shape(), a.shape(), b.shape());
  std::visit(
      [&](auto f) {
        visit_float(y.dtype(), [&]<class T>(T) {
          const T* va = a.data<T>();
          const T* vb = b.data<T>();
          T* out = y.mutable_data<T>();
          broadcast.for_each_row(
              [=](int64_t at, int64_t at_a, int64_t at_b, int64_t n, int64_t sa, int64_t sb) {
                const T *ra = va + at_a, *rb = vb + at_b;
                T* ry = out + at;
                if (sa == 1 && sb == 1)
                  for (int64_t i = 0; i < n; ++i) ry[i] = f.f(ra[i], rb[i]);
                else if (sa == 1 && sb == 0)
                  for (int64_t i = 0; i < n; ++i) ry[i] = f.f(ra[i], rb[0]);
                else
                  for (int64_t i = 0; i < n; ++i) ry[i] = f.f(ra[i * sa], rb[i * sb]);
              });
        });
      },
      fn);
}

void Cpu::sigmoid_cross_entropy_backward(const Tensor& logits, const Tensor& labels,
                                         const Tensor& dy, Tensor& dlogits) {
  if (logits.count() == 0) return;
  const Broadcast broadcast(logits.shape(), logits.shape(), labels.shape());
  visit_float(logits.dtype(), [&]<class T>(T) {
    const T *x = logits.data<T>(), *p = labels.data<T>(), *d = dy.data<T>();
    T* dx = dlogits.mutable_data<T>();
    broadcast.for_each_row([=](int64_t at, int64_t, int64_t at_label, int64_t n, int64_t,
                               int64_t label_step) {
      for (int64_t i = 0; i < n; ++i)
        dx[at + i] = SigmoidCrossEntropy{}.df(x[at + i], p[at_label + i * label_step]) * d[at + i];
    });
  });
}

}  // namespace gradus::cpu
