#include "cuda/block_sum.h"
#include "cuda/grid.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "tensor/walk.h"

namespace gradus::cuda {
namespace {

constexpr int kLanes = 32;

/// A warp a row.
template <class T>
__global__ void softmax_cross_entropy_kernel(int64_t rows, int64_t classes, const T* x,
                                             const T* labels, T* loss, double* totals) {
  const int64_t lane = threadIdx.x % kLanes;
  for (int64_t row = first_item() / kLanes; row < rows; row += item_stride() / kLanes) {
    LogSumExp all;
    for (int64_t i = row * classes + lane; i < (row + 1) * classes; i += kLanes) all.add(x[i]);
    const LogTotal total(warp_merge(all));
    Sum sum;
    for (int64_t i = row * classes + lane; i < (row + 1) * classes; i += kLanes)
      sum.add(-weighted<double>(total.log_share(x[i]), labels[i]));
    sum = warp_merge(sum);
    if (lane) continue;
    loss[row] = T(sum.result());
    totals[2 * row] = total.max;
    totals[2 * row + 1] = total.above_max;
  }
}

template <class T>
__global__ void softmax_cross_entropy_backward_kernel(int64_t count, int64_t classes, const T* x,
                                                      const T* labels, const double* totals,
                                                      const T* dy, T* dx) {
  for (int64_t i = first_item(); i < count; i += item_stride()) {
    const int64_t row = i / classes;
    const LogTotal total(totals[2 * row], totals[2 * row + 1]);
    dx[i] = T(total.share_less(labels[i], x[i]) * dy[row]);
  }
}

template <class T>
__global__ void sigmoid_cross_entropy_backward_kernel(int64_t count,
                                                      const __grid_constant__ Walk labels_walk,
                                                      const T* x, const T* labels, const T* dy,
                                                      T* dx) {
  for (int64_t i = first_item(); i < count; i += item_stride())
    dx[i] = SigmoidCrossEntropy{}.df(x[i], labels[labels_walk.offset(i)]) * dy[i];
}

}  // namespace

void Kernels::softmax_cross_entropy(const Tensor& logits, const Tensor& labels, Tensor& loss,
                                    Tensor& totals) {
  Piece piece = piece_of(Piece::Kind::cross_entropy, logits.dtype(), loss.count(),
                         {&logits, &labels}, {&loss, &totals});
  piece.width = static_cast<int32_t>(logits.shape()[1]);
  if (piece.width <= 64 && postpone(piece, logits.count(), false)) return;
  visit_float(logits.dtype(), [&]<class T>(T) {
    launch_over("softmax_cross_entropy_kernel", stream(), loss.count() * kLanes,
                softmax_cross_entropy_kernel<T>, loss.count(), logits.shape()[1], logits.data<T>(),
                labels.data<T>(), loss.mutable_data<T>(), totals.mutable_data<double>());
  });
}

void Kernels::softmax_cross_entropy_backward(const Tensor& logits, const Tensor& labels,
                                             const Tensor& totals, const Tensor& dy,
                                             Tensor& dlogits) {
  Piece piece = piece_of(Piece::Kind::cross_entropy_backward, logits.dtype(), logits.count(),
                         {&logits, &labels, &totals, &dy}, {&dlogits});
  piece.width = static_cast<int32_t>(logits.shape()[1]);
  if (postpone(piece, logits.count(), false)) return;
  visit_float(logits.dtype(), [&]<class T>(T) {
    launch_over("softmax_cross_entropy_backward_kernel", stream(), logits.count(),
                softmax_cross_entropy_backward_kernel<T>, logits.count(), logits.shape()[1],
                logits.data<T>(), labels.data<T>(), totals.data<double>(), dy.data<T>(),
                dlogits.mutable_data<T>());
  });
}

void Kernels::sigmoid_cross_entropy_backward(const Tensor& logits, const Tensor& labels,
                                             const Tensor& dy, Tensor& dlogits) {
  const Walk labels_walk = broadcast_walks(logits.shape(), logits.shape(), labels.shape()).second;
  visit_float(logits.dtype(), [&]<class T>(T) {
    launch_over("sigmoid_cross_entropy_backward_kernel", stream(), logits.count(),
                sigmoid_cross_entropy_backward_kernel<T>, logits.count(), labels_walk,
                logits.data<T>(), labels.data<T>(), dy.data<T>(), dlogits.mutable_data<T>());
  });
}

}  // namespace gradus::cuda
