#pragma once

#include <functional>
#include <memory>

#include "tensor/allocator.h"
#include "tensor/kernel_call.h"

namespace gradus {

/// A piece of work that can be run again and again: everything that changes between runs lies in
/// tensors that it reads. `run` throws what the work throws.
class Recording {
 public:
  virtual ~Recording() = default;
  virtual void run() = 0;
};

/// How a device computes where it has a choice.
struct BackendOptions {
  bool tf32 = false;  ///< matrix products and convolutions of f32 round their inputs to TF32
  bool deterministic = true;  ///< the same bits each time
  bool graphs = true;         ///< recordings are replayed, not run anew
};

/// A device: its memory, its recordings and its kernels. A kernel is a member that is called like
/// the function of its name in KernelContract, `backend(y).conv(p, x, w, {}, y)`; the call passes
/// KernelCall, which throws DeviceError where an operand lies on another device. A class for a new
/// device overrides the functions of the contract.
class Backend : protected KernelContract {
 public:
  /// Waits after each kernel where GRADUS_SYNC=1 is in the environment.
  Backend();
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  /// The CPU unless it is installed as another.
  Device device() const { return device_; }
  bool waits_for_kernels() const { return waits_; }

  /// Throws DeviceError where memory is out.
  virtual void* allocate(size_t bytes) = 0;
  virtual void release(void* p) noexcept = 0;
  virtual CachingAllocator& allocator() = 0;
  /// What the work allocates belongs to the recording. On a CUDA device the first two runs are
  /// ordinary ones, the third is captured as a graph, which later ones replay: so the work must
  /// neither read nor write the host's memory through this backend, which throws DeviceError.
  virtual std::unique_ptr<Recording> record(std::function<void()> work) = 0;
  /// False while a recording runs on a device whose memory the host cannot read at once.
  virtual bool host_may_read() const { return true; }
  /// "cpu: oneDNN 2.6.3, 2 threads".
  virtual std::string describe() const = 0;
  /// For the work from now on. Throws DeviceError for what the device has not (the CPU: tf32).
  virtual void configure(const BackendOptions& options) = 0;

  /// A Scope or a kernel's call begins and ends, for profilers that show ranges.
  virtual void begin_range(const char* /*name*/) {}
  virtual void end_range() noexcept {}
  /// Before each kernel: makes the device the one that this thread uses.
  virtual void make_current() {}
  /// Each tensor that the kernel which is being called reads or writes. A backend that runs some
  /// kernels later than they are called runs now what has to come before it.
  virtual void about_to_use(const Tensor& /*operand*/) {}
  /// Waits until the device has done what it was given. Throws DeviceError "kernel: reason" where
  /// that failed.
  virtual void wait(const char* /*kernel*/) {}

 private:
  template <auto kKernel>
  class Kernel;
  template <class... P, void (KernelContract::*kKernel)(P...)>
  class Kernel<kKernel> {
   public:
    Kernel(Backend& backend, const char* name) : backend_(backend), name_(name) {}
    void operator()(P... arguments) const {
      KernelCall call(backend_, name_);
      (call.look_at(arguments), ...);
      call.begin();
      (static_cast<KernelContract&>(backend_).*kKernel)(arguments...);
      call.end();
    }

   private:
    Backend& backend_;
    const char* name_;
  };
  friend void install_backend(Device device, std::unique_ptr<Backend> made);

  Device device_ = kCpu;
  const bool waits_;

 public:
  // The kernels, which KernelContract explains.
  Kernel<&KernelContract::copy_from_host> copy_from_host{*this, "copy_from_host"};
  Kernel<&KernelContract::copy_to_host> copy_to_host{*this, "copy_to_host"};
  Kernel<&KernelContract::copy> copy{*this, "copy"};
  Kernel<&KernelContract::fill> fill{*this, "fill"};
  Kernel<&KernelContract::cast> cast{*this, "cast"};
  Kernel<&KernelContract::fill_uniform> fill_uniform{*this, "fill_uniform"};
  Kernel<&KernelContract::fill_normal> fill_normal{*this, "fill_normal"};
  Kernel<&KernelContract::unary> unary{*this, "unary"};
  Kernel<&KernelContract::unary_backward> unary_backward{*this, "unary_backward"};
  Kernel<&KernelContract::binary> binary{*this, "binary"};
  Kernel<&KernelContract::reduce> reduce{*this, "reduce"};
  Kernel<&KernelContract::softmax> softmax{*this, "softmax"};
  Kernel<&KernelContract::top_k> top_k{*this, "top_k"};
  Kernel<&KernelContract::matmul> matmul{*this, "matmul"};
  Kernel<&KernelContract::conv> conv{*this, "conv"};
  Kernel<&KernelContract::conv_grad_input> conv_grad_input{*this, "conv_grad_input"};
  Kernel<&KernelContract::conv_grad_weight> conv_grad_weight{*this, "conv_grad_weight"};
  Kernel<&KernelContract::epilogue_backward> epilogue_backward{*this, "epilogue_backward"};
  Kernel<&KernelContract::max_pool> max_pool{*this, "max_pool"};
  Kernel<&KernelContract::max_pool_backward> max_pool_backward{*this, "max_pool_backward"};
  Kernel<&KernelContract::moments> moments{*this, "moments"};
  Kernel<&KernelContract::normalize> normalize{*this, "normalize"};
  Kernel<&KernelContract::normalize_backward> normalize_backward{*this, "normalize_backward"};
  Kernel<&KernelContract::softmax_cross_entropy> softmax_cross_entropy{*this,
                                                                       "softmax_cross_entropy"};
  Kernel<&KernelContract::softmax_cross_entropy_backward> softmax_cross_entropy_backward{
      *this, "softmax_cross_entropy_backward"};
  Kernel<&KernelContract::sigmoid_cross_entropy_backward> sigmoid_cross_entropy_backward{
      *this, "sigmoid_cross_entropy_backward"};
  Kernel<&KernelContract::dropout> dropout{*this, "dropout"};
  Kernel<&KernelContract::draw_augmentation> draw_augmentation{*this, "draw_augmentation"};
  Kernel<&KernelContract::augment> augment{*this, "augment"};
  Kernel<&KernelContract::augment_backward> augment_backward{*this, "augment_backward"};
  Kernel<&KernelContract::copy_slice> copy_slice{*this, "copy_slice"};
  Kernel<&KernelContract::copy_strided> copy_strided{*this, "copy_strided"};
  Kernel<&KernelContract::gather> gather{*this, "gather"};
  Kernel<&KernelContract::gather_backward> gather_backward{*this, "gather_backward"};
  Kernel<&KernelContract::one_hot> one_hot{*this, "one_hot"};
  Kernel<&KernelContract::increment> increment{*this, "increment"};
  Kernel<&KernelContract::update> update{*this, "update"};
};

/// The backend of `device`, made at the first call; throws DeviceError, with the reason, where
/// there is none. Backends live as long as the program.
Backend& backend(Device device);
inline Backend& backend(const Tensor& t) { return backend(t.device()); }

/// Makes `made` the backend of a CUDA device. Throws DeviceError for the CPU, for a device that has
/// one, and for an index outside [0, 32).
void install_backend(Device device, std::unique_ptr<Backend> made);

}  // namespace gradus
