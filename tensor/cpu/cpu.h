#pragma once

#include "tensor/cpu/reference.h"

namespace gradus::cpu {

/// The CPU backend: the reference, with the kernels that a training step spends its time in
/// replaced by faster ones: sums over rows, functions of two operands, and in f32 element-wise
/// functions, convolutions and matrix products. Products and updates in f32 flush subnormal numbers
/// to 0. Kernels end with an activation themselves where it is a Rectifier.
class Cpu final : public Reference {
 public:
  std::string describe() const override;
  void unary(const UnaryFn& fn, const Tensor& x, Tensor& y) override;
  void unary_backward(const UnaryFn& fn, const Tensor& x, const Tensor& y, const Tensor& dy,
                      Tensor& dx) override;
  void binary(const BinaryFn& fn, const Tensor& a, const Tensor& b, Tensor& y) override;
  void reduce(Reduction op, const Tensor& x, Tensor& y) override;
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
  void moments(const Tensor& x, Tensor& mean, Tensor& variance) override;
  void normalize(const Normalization& n, const Activation& activation, const Tensor& x,
                 Tensor& y) override;
  void normalize_backward(const Normalization& n, const Activation& activation, const Tensor& x,
                          const Tensor& y, const Tensor& dy, Tensor& dx, Tensor& dgamma,
                          Tensor& dbeta) override;
  void sigmoid_cross_entropy_backward(const Tensor& logits, const Tensor& labels, const Tensor& dy,
                                      Tensor& dlogits) override;
  void augment(const Augmentation& a, const Draw& draw, const Tensor& rows, const Tensor& x,
               Tensor& y) override;
  void augment_backward(const Augmentation& a, const Tensor& rows, const Tensor& y,
                        const Tensor& dy, Tensor& dx) override;
  void update(const UpdateFn& fn, const Tensor& lr, const Tensor& t,
              std::span<UpdateSlot> slots) override;
};

/// Floats in a vector of the kernels of this library's build: 16 with AVX-512, 8 with AVX, else 4.
int vector_lanes();

/// The one CPU backend, and the reference that tests hold it against; both live as long as the
/// program.
Cpu& cpu_backend();
Reference& reference_backend();

}  // namespace gradus::cpu
