#pragma once

#include <cuda_runtime.h>

#include <optional>
#include <vector>

#include "cuda/small_work.h"
#include "tensor/backend.h"

namespace gradus::cuda {

/// The kernels that are our own, f32 and f64, on one stream. A file a family: elementwise.cu,
/// epilogue.cu, loss.cu, reduce.cu, norm.cu, batch_norm.cu, pool.cu, random.cu, shaping.cu,
/// update.cu. What takes a library or the device itself (matrix products, convolutions, memory,
/// recordings) is the subclass's: Cuda on a card, emulation::Emulated on the CPU.
///
/// Outside recordings the host may read and write through it at any time.
///
/// Small calls are not launched at once (small_work.h), but before a kernel that needs what they
/// give, or writes what they read; before the host waits or copies; and at a recording's ends. So
/// are optimisers' updates, after all small calls.
///
/// Sums are accumulated in f64 over parts whose sizes depend on the shapes alone, without atomics:
/// the same bits each time.
class Kernels : public Backend {
 public:
  void about_to_use(const Tensor& operand) override { about_to_use(operand.raw()); }

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

  /// The stream for a kernel's launch, after what it has to wait for.
  cudaStream_t stream();
  /// Whether the copy waits with what is small.
  bool copy_later(const void* from, void* to, size_t bytes);
  /// Whether the product waits with what is small.
  bool matmul_later(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b,
                    Tensor& c);
  /// Launches all that waits.
  void launch_small_work();
  /// Lets go of all that waits, before the device ends.
  void forget_small_work() noexcept;
  /// Whether what waits uses the memory: then it is released after its launch.
  bool still_uses(void* memory) noexcept;

  cudaStream_t stream_ = nullptr;
  bool postpones_ = true;

 private:
  /// False where the call, of so many elements, is launched by itself; many elements may wait
  /// only where their work `divides` into blocks.
  bool postpone(const Piece& piece, int64_t work, bool divides);
  /// Whether y = the sums [parts, channels] of a kernel's parts / divisor waits.
  bool sum_later(int64_t parts, int64_t channels, const double* sums, double divisor, Tensor& y);

  /// What a convolution that ends with a bias and the moments of its output leave to be done by
  /// the kernel that normalises it.
  struct Waiting {
    Tensor bias, x;  ///< no bias where it is undefined
    void* to_x;
    Tensor mean, variance;  ///< undefined where the bias alone waits
    void *to_mean, *to_variance;

    bool uses(const void* memory) const;
    /// Whether a small call that comes after it can wait beside it: at most it reads the moments.
    bool lets_wait(const Piece& piece) const;
  };
  /// These return false where they leave nothing, and do nothing.
  bool leave_bias(const Epilogue& epilogue, Tensor& y);
  bool leave_moments(const Tensor& x, Tensor& mean, Tensor& variance);
  bool normalize_columns(const Normalization& n, const Activation& activation, const Tensor& x,
                         Tensor& y);
  bool normalize_columns_backward(const Normalization& n, const Activation& activation,
                                  const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx,
                                  Tensor& dgamma, Tensor& dbeta);
  /// y = the sums of x over its rows, where the kernel that has made x has them.
  bool take_sums(const Tensor& x, Tensor& y);
  void launch_epilogue(const Epilogue& epilogue, const Tensor& y, void* to);
  void launch_moments(const Tensor& x, void* mean, void* variance);

  /// One parameter's update, which waits.
  struct Update {
    UpdateFn fn;
    Tensor lr, t;
    UpdateSlot of;
    void *value, *m, *v;

    bool changes_or_adds(const void* memory) const;
    bool uses(const void* memory) const;
  };

  void about_to_use(const void* memory);
  void launch_work();
  void launch_waiting();
  void launch_updates();
  void forget_sums() noexcept;
  void release_let_go() noexcept;

  SmallWork work_;
  std::optional<Waiting> waiting_;
  std::vector<Update> updates_;
  /// What the kernel that is being called has to come after.
  bool must_launch_work_ = false, must_launch_waiting_ = false, must_launch_updates_ = false;
  bool work_needs_waiting_ = false;  ///< its mean or variance
  std::vector<void*> let_go_;
  std::optional<Tensor>
      sums_;  ///< of the rows of what lies at summed_, as long as nobody has written there
  const void* summed_ = nullptr;
  int64_t summed_writes_ = 0;
};

}  // namespace gradus::cuda
