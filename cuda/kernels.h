#pragma once

#include <cuda_runtime.h>

#include "tensor/backend.h"

namespace gradus::cuda {

/// The kernels that are our own, f32 and f64, on one stream. A file a family: elementwise.cu,
/// epilogue.cu, loss.cu, reduce.cu, norm.cu, pool.cu, random.cu, shaping.cu, update.cu. What takes
/// a library or the device itself (matrix products, convolutions, memory, recordings) is the
/// subclass's: Cuda on a card, emulation::Emulated on the CPU.
///
/// Outside recordings the host may read and write through it at any time.
///
/// Sums are accumulated in f64 over parts whose sizes depend on the shapes alone, without atomics:
/// the same bits each time.
class Kernels : public Backend {
 public:
  void fill(double value, Tensor& y) override;
  void cast(const Tensor& x, Tensor& y) override;
  void fill_uniform(const Draw& draw, double low, double high, Tensor& y) override;
  void fill_normal(const Draw& draw, double mean, double stddev, Tensor& y) override;

  void unary(const UnaryFn& fn, const Tensor& x, Tensor& y) override;
  void unary_backward(const UnaryFn& fn, const Tensor& x, const Tensor& y, const Tensor& dy,
                      Tensor& dx) override;
  void binary(const BinaryFn& fn, const Tensor& a, const Tensor& b, Tensor& y) override;
  void reduce(Reduction op, const Tensor& x, Tensor& y) override;
  void softmax(Softmax kind, const Shape& rows, const Tensor& x, Tensor& y) override;
  void top_k(const Tensor& x, Tensor& values, Tensor& index) override;
  void max_pool(const PoolParams& p, const Tensor& x, Tensor& y, Tensor& tap) override;
  void max_pool_backward(const PoolParams& p, const Tensor& tap, const Tensor& dy,
                         Tensor& dx) override;

  void epilogue_backward(const Activation& activation, const Tensor& y, const Tensor& dy,
                         Tensor& dx, Tensor& dbias) override;
  void moments(const Tensor& x, Tensor& mean, Tensor& variance) override;
  void normalize(const Normalization& n, const Activation& activation, const Tensor& x,
                 Tensor& y) override;
  void normalize_backward(const Normalization& n, const Activation& activation, const Tensor& x,
                          const Tensor& y, const Tensor& dy, Tensor& dx, Tensor& dgamma,
                          Tensor& dbeta) override;
  void softmax_cross_entropy(const Tensor& logits, const Tensor& labels, Tensor& loss,
                             Tensor& totals) override;
  void softmax_cross_entropy_backward(const Tensor& logits, const Tensor& labels,
                                      const Tensor& totals, const Tensor& dy,
                                      Tensor& dlogits) override;
  void sigmoid_cross_entropy_backward(const Tensor& logits, const Tensor& labels, const Tensor& dy,
                                      Tensor& dlogits) override;
  void dropout(const Draw& draw, double rate, const Tensor& x, Tensor& y) override;
  void draw_augmentation(const Augmentation& a, const Draw& draw, const Shape& images,
                         Tensor& rows) override;
  void augment(const Augmentation& a, const Draw& draw, const Tensor& rows, const Tensor& x,
               Tensor& y) override;
  void augment_backward(const Augmentation& a, const Tensor& rows, const Tensor& y,
                        const Tensor& dy, Tensor& dx) override;

  void copy_slice(const Tensor& x, int axis, int64_t x_begin, int64_t y_begin, int64_t length,
                  Tensor& y) override;
  void copy_strided(const Tensor& x, int64_t first, std::span<const int64_t> steps,
                    Tensor& y) override;
  void gather(const Tensor& x, const Tensor& index, double scale, double shift, Tensor& y) override;
  void gather_backward(const Tensor& index, const Tensor& dy, Tensor& dx) override;
  void one_hot(const Tensor& index, Tensor& y) override;

  void increment(Tensor& counter) override;
  void update(const UpdateFn& fn, const Tensor& lr, const Tensor& t,
              std::span<UpdateSlot> slots) override;

 protected:
  /// y [..., K] = epilogue(y): what a library's convolution leaves to be done.
  void apply_epilogue(const Epilogue& epilogue, Tensor& y);

  /// At most so many bytes of the host's memory to the device's, as a kernel's argument.
  static constexpr size_t kMostWritten = 4000;
  void write(const void* host, void* device, size_t bytes);
  /// Whether the device can run the kernels as they were built.
  static cudaError_t find_code();

  cudaStream_t stream_ = nullptr;
};

}  // namespace gradus::cuda
