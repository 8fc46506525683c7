#include "tensor/cpu/convolution/convolution.h"

#include <algorithm>

#include "tensor/cpu/convolution/methods.h"
#include "tensor/cpu/convolution/rule.h"

namespace gradus::cpu::convolution {
namespace {

const float* data_or_null(const Tensor& t) { return t.defined() ? t.data<float>() : nullptr; }

void fill_zero(Tensor& t) { std::fill_n(t.data<float>(), t.count(), 0.f); }

/// x [..., C] = bias, or 0: a convolution without terms.
void fill_bias(const Tensor& bias, Tensor& x) {
  if (!bias.defined()) return fill_zero(x);
  for (int64_t i = 0; i < x.count(); ++i) x.data<float>()[i] = bias.data<float>()[i % bias.count()];
}

template <class Kernel>
Kernel* by_way(Way way, Kernel* direct, Kernel* winograd, Kernel* library, Kernel* patches) {
  switch (way) {
    case Way::direct:
      return direct;
    case Way::winograd:
      return winograd;
    case Way::library:
      return library;
    default:
      return patches;
  }
}

}  // namespace

bool takes(const ConvParams& params, const Tensor& x, const Tensor& w, const Tensor& y) {
  const Geometry g(params, x.shape(), w.shape(), y.shape());
  return g.is_plain() || library::takes(g);
}

void forward(const ConvParams& params, const Tensor& x, const Tensor& w, const Tensor& bias,
             Tensor& y) {
  if (y.count() == 0) return;
  if (x.count() == 0 || w.count() == 0) return fill_bias(bias, y);
  const Geometry g(params, x.shape(), w.shape(), y.shape());
  const auto forward = by_way(way_forward(g), direct::forward, winograd::forward, library::forward,
                              patches::forward);
  forward(g, x.data<float>(), w.data<float>(), data_or_null(bias), y.data<float>());
}

void grad_input(const ConvParams& params, const Tensor& w, const Tensor& dy, const Tensor& bias,
                Tensor& dx) {
  if (dx.count() == 0) return;
  if (dy.count() == 0 || w.count() == 0) return fill_bias(bias, dx);
  const Geometry g(params, dx.shape(), w.shape(), dy.shape());
  const auto grad_input = by_way(way_grad_input(g), direct::grad_input, winograd::grad_input,
                                 library::grad_input, patches::grad_input);
  grad_input(g, w.data<float>(), dy.data<float>(), data_or_null(bias), dx.data<float>());
}

void grad_weight(const ConvParams& params, const Tensor& x, const Tensor& dy, Tensor& dw) {
  if (dw.count() == 0) return;
  if (x.count() == 0 || dy.count() == 0) return fill_zero(dw);
  const Geometry g(params, x.shape(), dw.shape(), dy.shape());
  const auto grad_weight = by_way(way_grad_weight(g), direct::grad_weight, winograd::grad_weight,
                                  library::grad_weight, patches::grad_weight);
  grad_weight(g, x.data<float>(), dy.data<float>(), dw.data<float>());
}

}  // namespace gradus::cpu::convolution
