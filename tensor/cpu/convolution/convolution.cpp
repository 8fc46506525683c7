#include "tensor/cpu/convolution/convolution.h"

#include <algorithm>

#include "tensor/cpu/convolution/algorithm_choice.h"
#include "tensor/cpu/convolution/algorithms.h"

namespace gradus::cpu::convolution {
namespace {

RawEpilogue raw(const Epilogue& e) {
  return {e.bias.defined() ? e.bias.data<float>() : nullptr, Rectifier(e.activation)};
}

void fill_zero(Tensor& t) { std::fill_n(t.mutable_data<float>(), t.count(), 0.f); }

/// x [..., C] = activation(bias): a convolution without terms.
void store_epilogue_of_zeros(const Epilogue& epilogue, Tensor& x) {
  const int64_t channels = x.shape()[3];
  fill_zero(x);
  apply_epilogue(x.count() / channels, channels, raw(epilogue), x.mutable_data<float>());
}

template <class Kernel>
Kernel* kernel_of(Algorithm algorithm, Kernel* direct, Kernel* winograd, Kernel* onednn,
                  Kernel* im2col) {
  switch (algorithm) {
    case Algorithm::direct:
      return direct;
    case Algorithm::winograd:
      return winograd;
    case Algorithm::onednn:
      return onednn;
    default:
      return im2col;
  }
}

}  // namespace

bool takes(const ConvParams& params, const Tensor& x, const Tensor& w, const Tensor& y) {
  const Geometry g(params, x.shape(), w.shape(), y.shape());
  return g.is_plain() || onednn::takes(g);
}

void forward(const ConvParams& params, const Tensor& x, const Tensor& w, const Epilogue& epilogue,
             Tensor& y) {
  if (y.count() == 0) return;
  if (x.count() == 0 || w.count() == 0) return store_epilogue_of_zeros(epilogue, y);
  const Geometry g(params, x.shape(), w.shape(), y.shape());
  const auto forward = kernel_of(forward_algorithm(g), direct::forward, winograd::forward,
                                 onednn::forward, im2col::forward);
  forward(g, x.data<float>(), w.data<float>(), raw(epilogue), y.mutable_data<float>());
}

void grad_input(const ConvParams& params, const Tensor& w, const Tensor& dy,
                const Epilogue& epilogue, Tensor& dx) {
  if (dx.count() == 0) return;
  if (dy.count() == 0 || w.count() == 0) return store_epilogue_of_zeros(epilogue, dx);
  const Geometry g(params, dx.shape(), w.shape(), dy.shape());
  const Algorithm algorithm = grad_input_algorithm(g);
  const auto grad_input = algorithm == Algorithm::few_channels
                              ? few_channels::grad_input
                              : kernel_of(algorithm, direct::grad_input, winograd::grad_input,
                                          onednn::grad_input, im2col::grad_input);
  grad_input(g, w.data<float>(), dy.data<float>(), raw(epilogue), dx.mutable_data<float>());
}

void grad_weight(const ConvParams& params, const Tensor& x, const Tensor& dy, Tensor& dw) {
  if (dw.count() == 0) return;
  if (x.count() == 0 || dy.count() == 0) return fill_zero(dw);
  const Geometry g(params, x.shape(), dw.shape(), dy.shape());
  const auto grad_weight =
      kernel_of(grad_weight_algorithm(g), direct::grad_weight, winograd::grad_weight,
                onednn::grad_weight, im2col::grad_weight);
  grad_weight(g, x.data<float>(), dy.data<float>(), dw.mutable_data<float>());
}

}  // namespace gradus::cpu::convolution
