#include "tensor/kernel_call.h"

#include "tensor/backend.h"
#include "tensor/profiler.h"

namespace gradus {
KernelCall::KernelCall(Backend& on, const char* kernel)
    : on_(on), kernel_(kernel), profiler_(Profiler::living()) {
  on_.begin_range(kernel);
  if (profiler_) what_ = kernel;
}

KernelCall::~KernelCall() { on_.end_range(); }

void KernelCall::require_here(const Tensor& t) const {
  if (!t.defined()) return;
  require<DeviceError>(t.device() == on_.device(), "{}: it runs on {}, but an operand {} is on {}",
                       kernel_, to_string(on_.device()), t.shape(), to_string(t.device()));
  on_.about_to_use(t);
}

void KernelCall::look_at(const Tensor& operand) {
  require_here(operand);
  if (profiler_ && operand.defined()) look_at(operand.shape());
}

void KernelCall::look_at(const Shape& shape) {
  if (!profiler_) return;
  const std::string name = to_string(shape);
  if (what_.find(name) == std::string::npos) what_ += " " + name;
}

void KernelCall::look_at(const Epilogue& epilogue) { require_here(epilogue.bias); }

void KernelCall::look_at(const Normalization& n) {
  for (const Tensor* t : {&n.mean, &n.variance, &n.gamma, &n.beta}) require_here(*t);
}

void KernelCall::look_at(const Draw& draw) { require_here(draw.step); }

void KernelCall::look_at(std::span<UpdateSlot> slots) {
  for (const UpdateSlot& s : slots)
    for (const Tensor* t : {&s.value, &s.grad, &s.m, &s.v}) require_here(*t);
}

void KernelCall::look_at(const UnaryFn& fn) {
  if (profiler_) what_ += std::visit([](auto f) { return std::string(" ") + f.kName; }, fn);
}

void KernelCall::begin() {
  on_.make_current();
  if (profiler_) start_ = std::chrono::steady_clock::now();
}

void KernelCall::end() {
  if (profiler_ || on_.waits_for_kernels()) on_.wait(kernel_);
  if (profiler_) profiler_->add(what_, std::chrono::steady_clock::now() - start_);
}

}  // namespace gradus
