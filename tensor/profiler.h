#pragma once

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "tensor/backend.h"

namespace gradus {

/// The CPU's backend with a clock: while it lives, it stands in that one's place, passes every call
/// on and adds up the time that each kernel takes, by the shapes that it works on. Make and drop it
/// where no other thread uses tensors, and have one at a time.
class Profiler final : public Backend {
 public:
  Profiler();
  ~Profiler() override;

  struct Row {
    std::string kernel;  ///< "conv [128, 16, 16, 64] [64, 3, 3, 64] [128, 8, 8, 64]"
    int64_t calls;
    double ms;       ///< of all calls
    double best_ms;  ///< of the fastest one
  };
  /// Since the last reset, the longest first.
  std::vector<Row> rows() const;
  void reset() { times_.clear(); }

  void* allocate(size_t bytes) override { return inner_.allocate(bytes); }
  void release(void* p) noexcept override { inner_.release(p); }
  CachingAllocator& allocator() override { return inner_.allocator(); }
  void copy_from_host(const void* host, void* device, size_t bytes) override;
  void copy_to_host(const void* device, void* host, size_t bytes) override;
  void copy(const void* from, void* to, size_t bytes) override;
  std::unique_ptr<Recording> record(std::function<void()> work) override;
  bool host_may_read() const override { return inner_.host_may_read(); }
  void begin_range(const std::string& name) override { inner_.begin_range(name); }
  void end_range() noexcept override { inner_.end_range(); }
  std::string describe() const override { return inner_.describe(); }
  void configure(const BackendOptions& options) override { inner_.configure(options); }

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
  void matmul(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b,
              Tensor& c) override;
  void conv(const ConvParams& p, const Tensor& x, const Tensor& w, const Epilogue& epilogue,
            Tensor& y) override;
  void conv_grad_input(const ConvParams& p, const Tensor& w, const Tensor& dy,
                       const Epilogue& epilogue, Tensor& dx) override;
  void conv_grad_weight(const ConvParams& p, const Tensor& x, const Tensor& dy,
                        Tensor& dw) override;
  void epilogue_backward(const Activation& activation, const Tensor& y, const Tensor& dy,
                         Tensor& dx, Tensor& dbias) override;
  void max_pool(const PoolParams& p, const Tensor& x, Tensor& y, Tensor& tap) override;
  void max_pool_backward(const PoolParams& p, const Tensor& tap, const Tensor& dy,
                         Tensor& dx) override;
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

 private:
  struct Time {
    int64_t calls = 0;
    double ms = 0;
    double best_ms = std::numeric_limits<double>::infinity();
  };
  /// Calls work and adds its time to the kernel's, told apart by these shapes.
  template <class Work>
  void time(const char* kernel, std::initializer_list<Shape> shapes, const Work& work);

  Backend& inner_;
  std::map<std::string, Time> times_;
};

}  // namespace gradus
