#include "tensor/cpu/cpu.h"

#include <omp.h>

#include "tensor/cpu/convolution/convolution.h"
#include "tensor/cpu/matmul.h"
#include "tensor/cpu/rectifier.h"
#include "tensor/cpu/subnormals.h"
#include "tensor/cpu/vector.h"

namespace gradus::cpu {

std::string Cpu::describe() const {
  return fmt::format("cpu: oneDNN {}, vectors of {} floats, {} threads", onednn_version(),
                     vector_lanes(), omp_get_max_threads());
}

int vector_lanes() { return kLanes; }

void Cpu::matmul(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b, Tensor& c) {
  if (c.dtype() == DType::f32) {
    const FlushSubnormals flush;
    return cpu::matmul(transpose_a, transpose_b, a, b, c);
  }
  Reference::matmul(transpose_a, transpose_b, a, b, c);
}

void Cpu::conv(const ConvParams& p, const Tensor& x, const Tensor& w, const Epilogue& epilogue,
               Tensor& y) {
  if (y.dtype() != DType::f32 || !convolution::takes(p, x, w, y))
    return Reference::conv(p, x, w, epilogue, y);
  {
    const FlushSubnormals flush;
    convolution::forward(p, x, w, epilogue, y);
  }
  if (!Rectifier::is(epilogue.activation)) activate(epilogue.activation, y);
}

void Cpu::conv_grad_input(const ConvParams& p, const Tensor& w, const Tensor& dy,
                          const Epilogue& epilogue, Tensor& dx) {
  if (dx.dtype() != DType::f32 || !convolution::takes(p, dx, w, dy))
    return Reference::conv_grad_input(p, w, dy, epilogue, dx);
  {
    const FlushSubnormals flush;
    convolution::grad_input(p, w, dy, epilogue, dx);
  }
  if (!Rectifier::is(epilogue.activation)) activate(epilogue.activation, dx);
}

void Cpu::conv_grad_weight(const ConvParams& p, const Tensor& x, const Tensor& dy, Tensor& dw) {
  if (dw.dtype() != DType::f32 || !convolution::takes(p, x, dw, dy))
    return Reference::conv_grad_weight(p, x, dy, dw);
  const FlushSubnormals flush;
  convolution::grad_weight(p, x, dy, dw);
}

void Cpu::normalize(const Normalization& n, const Activation& activation, const Tensor& x,
                    Tensor& y) {
  if (y.dtype() != DType::f32 || Rectifier::is(activation))
    return Reference::normalize(n, activation, x, y);
  Reference::normalize(n, {}, x, y);
  activate(activation, y);  // in vector code
}

void Cpu::update(const UpdateFn& fn, const Tensor& lr, const Tensor& t,
                 std::span<UpdateSlot> slots) {
  if (slots.empty() || slots[0].value.dtype() != DType::f32)
    return Reference::update(fn, lr, t, slots);
  const FlushSubnormals flush;
  Reference::update(fn, lr, t, slots);
}

// Never destroyed: tensors in static storage may outlive main.
Cpu& cpu_backend() {
  static Cpu& cpu = *new Cpu;
  return cpu;
}

Reference& reference_backend() {
  static Reference& reference = *new Reference;
  return reference;
}

}  // namespace gradus::cpu
