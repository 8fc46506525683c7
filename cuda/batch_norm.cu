#include <algorithm>
#include <utility>

#include "cuda/columns.h"
#include "cuda/kernels.h"
#include "cuda/two_sums.h"

// Batch norm of few rows, each way in one launch. norm.cu is for the rest.

namespace gradus::cuda {
namespace {

/// What moments_kernel and normalize_kernel do. Where there is a bias, x gets it first, and is
/// `biased`, too.
template <class F, class T, int kWidth>
__global__ void batch_norm_kernel(F f, Column<T, kWidth> column, const T* bias, T epsilon,
                                  const T* x, T* biased, const T* gamma, const T* beta, T* mean,
                                  T* variance, T* y) {
  Pack<T, kWidth> b{}, pivot = column.of_channels(x);
  if (bias) b = column.of_channels(bias);
  for (int k = 0; k < kWidth; ++k) pivot.v[k] += b.v[k];
  __syncthreads();  // the first row is written below
  TwoSums s[kWidth];
  column.for_each_row(
      [&](int64_t at, Pack<T, kWidth>* in) {
        for (int k = 0; k < kWidth; ++k) {
          in->v[k] += b.v[k];
          const double d = double(in->v[k]) - double(pivot.v[k]);
          s[k].a += d;
          s[k].b += d * d;
        }
        if (bias) store_pack(biased, at, *in);
      },
      x);
  __shared__ T means[kWidth], scales[kWidth];
  for (int k = 0; k < kWidth; ++k) {
    const TwoSums all = block_merge(s[k]);
    if (threadIdx.x) continue;
    const int64_t c = int64_t{blockIdx.x} * kWidth + k;
    const double shift = all.a / column.rows, spread = all.b / column.rows - shift * shift;
    mean[c] = means[k] = T(double(pivot.v[k]) + shift);
    variance[c] = T(spread > 0 ? spread : spread == spread ? 0 : spread);  // NaN stays
    scales[k] = gamma[c] / sqrt(variance[c] + epsilon);
  }
  __syncthreads();
  const Pack<T, kWidth> end = column.of_channels(beta);
  column.for_each_row(
      [&](int64_t at, Pack<T, kWidth>* in) {
        for (int k = 0; k < kWidth; ++k)
          in->v[k] = f.f((in->v[k] - means[k]) * scales[k] + end.v[k]);
        store_pack(y, at, *in);
      },
      x);
}

/// gradient_sums_kernel, gradient_statistics_kernel and normalize_backward_kernel; and the sums of
/// dx, which are a bias's gradient.
template <class F, class T, int kWidth>
__global__ void batch_norm_backward_kernel(F f, Column<T, kWidth> column, double epsilon,
                                           const T* x, const T* mean, const T* variance,
                                           const T* gamma, const T* y, const T* dy, T* dx,
                                           T* dgamma, T* dbeta, T* sums) {
  const Pack<T, kWidth> m = column.of_channels(mean);
  TwoSums s[kWidth];
  column.for_each_row(
      [&](int64_t, const Pack<T, kWidth>* in) {
        for (int k = 0; k < kWidth; ++k) {
          const double d = in[2].v[k] * f.df(T(0), in[1].v[k]);
          s[k].a += d;
          s[k].b += d * (double(in[0].v[k]) - double(m.v[k]));
        }
      },
      x, y, dy);
  __shared__ T scales[kWidth], shifts[kWidth], slopes[kWidth];
  for (int k = 0; k < kWidth; ++k) {
    const TwoSums all = block_merge(s[k]);
    if (threadIdx.x) continue;
    const int64_t c = int64_t{blockIdx.x} * kWidth + k;
    const double rstd = 1 / sqrt(double(variance[c]) + epsilon), along = all.b * rstd;
    dgamma[c] = T(along);
    dbeta[c] = T(all.a);
    scales[k] = T(gamma[c] * rstd);
    shifts[k] = T(all.a / column.rows);
    slopes[k] = T(along / column.rows * rstd);
  }
  __syncthreads();
  Sum of_dx[kWidth];
  column.for_each_row(
      [&](int64_t at, Pack<T, kWidth>* in) {
        for (int k = 0; k < kWidth; ++k) {
          T& d = in[2].v[k];
          d = scales[k] *
              (d * f.df(T(0), in[1].v[k]) - shifts[k] - slopes[k] * (in[0].v[k] - m.v[k]));
          of_dx[k].add(d);
        }
        store_pack(dx, at, in[2]);
      },
      x, y, dy);
  for (int k = 0; k < kWidth; ++k) {
    const Sum all = block_merge(of_dx[k]);
    if (threadIdx.x == 0) sums[int64_t{blockIdx.x} * kWidth + k] = T(all.result());
  }
}

}  // namespace

bool Kernels::leave_bias(const Epilogue& epilogue, Tensor& y) {
  if (!postpones_ || !is_identity(epilogue.activation) || !has_few_rows(y)) return false;
  if (waiting_) launch_waiting();
  waiting_ = {epilogue.bias, y, y.mutable_raw(), {}, {}, nullptr, nullptr};
  return true;
}

bool Kernels::leave_moments(const Tensor& x, Tensor& mean, Tensor& variance) {
  if (!postpones_ || !has_few_rows(x)) return false;
  Waiting left{{}, x, nullptr, mean, variance, mean.mutable_raw(), variance.mutable_raw()};
  if (waiting_ && waiting_->x.raw() == x.raw() && !waiting_->mean.defined()) {
    left.bias = waiting_->bias;
    left.to_x = waiting_->to_x;
    waiting_.reset();
    must_launch_waiting_ = false;
  }
  stream();
  if (waiting_) launch_waiting();
  waiting_ = left;
  return true;
}

bool Kernels::normalize_columns(const Normalization& n, const Activation& activation,
                                const Tensor& x, Tensor& y) {
  if (!waiting_ || !waiting_->mean.defined() || waiting_->mean.raw() != n.mean.raw() ||
      waiting_->x.raw() != x.raw())
    return false;
  // What reads the moments meanwhile comes after this kernel, unless it has to come before it, too.
  if (work_needs_waiting_ && (must_launch_updates_ || work_.writes(n.gamma.raw()) ||
                              work_.writes(n.beta.raw()) || work_.uses(y.raw())))
    return false;
  if (std::exchange(work_needs_waiting_, false)) must_launch_work_ = false;
  const Waiting left = *std::exchange(waiting_, {});
  must_launch_waiting_ = false;
  with_columns(activation, x, [&]<class F, class T, int kWidth>(F f, Column<T, kWidth> column) {
    const T* bias = left.bias.defined() ? left.bias.data<T>() : nullptr;
    launch("batch_norm_kernel", stream(), dim3(static_cast<unsigned>(column.packs)),
           threads_for(column.rows), batch_norm_kernel<F, T, kWidth>, f, column, bias, T(n.epsilon),
           x.data<T>(), static_cast<T*>(left.to_x), n.gamma.data<T>(), n.beta.data<T>(),
           static_cast<T*>(left.to_mean), static_cast<T*>(left.to_variance), y.mutable_data<T>());
  });
  return true;
}

bool Kernels::normalize_columns_backward(const Normalization& n, const Activation& activation,
                                         const Tensor& x, const Tensor& y, const Tensor& dy,
                                         Tensor& dx, Tensor& dgamma, Tensor& dbeta) {
  if (!postpones_ || !has_few_rows(x)) return false;
  Tensor sums = dgamma.like();
  with_columns(activation, x, [&]<class F, class T, int kWidth>(F f, Column<T, kWidth> column) {
    launch("batch_norm_backward_kernel", stream(), dim3(static_cast<unsigned>(column.packs)),
           threads_for(column.rows), batch_norm_backward_kernel<F, T, kWidth>, f, column, n.epsilon,
           x.data<T>(), n.mean.data<T>(), n.variance.data<T>(), n.gamma.data<T>(),
           y.defined() ? y.data<T>() : dy.data<T>(), dy.data<T>(), dx.mutable_data<T>(),
           dgamma.mutable_data<T>(), dbeta.mutable_data<T>(), sums.mutable_data<T>());
  });
  summed_ = dx.raw();
  summed_writes_ = dx.writes();
  sums_ = sums;
  return true;
}

bool Kernels::take_sums(const Tensor& x, Tensor& y) {
  if (x.raw() != summed_ || x.writes() != summed_writes_) return false;
  // A reshaped x may have other rows.
  const int64_t channels = sums_->count();
  if (x.shape()[-1] != channels || y.shape()[-1] != channels || y.count() != channels) return false;
  return copy_later(sums_->raw(), y.mutable_raw(), y.bytes());
}

bool Kernels::Waiting::uses(const void* memory) const {
  const auto is_at = [&](const Tensor& t) { return t.defined() && t.raw() == memory; };
  return is_at(bias) || is_at(x) || is_at(mean) || is_at(variance);
}

bool Kernels::Waiting::lets_wait(const Piece& piece) const {
  const auto is_used = [&](const void* m) { return m && uses(m); };
  return std::none_of(std::begin(piece.out), std::end(piece.out), is_used) &&
         std::none_of(std::begin(piece.in), std::end(piece.in),
                      [&](const void* m) { return m == x.raw(); });
}

void Kernels::launch_waiting() {
  must_launch_waiting_ = work_needs_waiting_ = false;
  if (!waiting_) return;
  const Waiting left = *std::exchange(waiting_, {});
  // What it needs has been launched before it was left.
  const bool must_work = std::exchange(must_launch_work_, false);
  const bool must_update = std::exchange(must_launch_updates_, false);
  if (left.bias.defined()) launch_epilogue({left.bias, {}}, left.x, left.to_x);
  if (left.mean.defined()) launch_moments(left.x, left.to_mean, left.to_variance);
  must_launch_work_ = must_work;
  must_launch_updates_ = must_update;
}

}  // namespace gradus::cuda
