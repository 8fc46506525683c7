#include "tensor/cpu/convolution/convolution.h"

#include <algorithm>

#include "tensor/cpu/convolution/methods.h"
#include "tensor/cpu/convolution/rule.h"

namespace gradus::cpu::convolution {
namespace {

Ending ending_of(const Epilogue& e) {
  return {e.bias.defined() ? e.bias.data<float>() : nullptr, Rectifier(e.activation)};
}

void fill_zero(Tensor& t) { std::fill_n(t.data<float>(), t.count(), 0.f); }

/// x [..., C] = activation(bias): a convolution without terms.
void end_zero(const Epilogue& epilogue, Tensor& x) {
  const int64_t channels = x.shape()[3];
  fill_zero(x);
  end_rows(x.count() / channels, channels, ending_of(epilogue), x.data<float>());
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

void forward(const ConvParams& params, const Tensor& x, const Tensor& w, const Epilogue& epilogue,
             Tensor& y) {
  if (y.count() == 0) return;
  if (x.count() == 0 || w.count() == 0) return end_zero(epilogue, y);
  const Geometry g(params, x.shape(), w.shape(), y.shape());
  const auto forward = by_way(way_forward(g), direct::forward, winograd::forward, library::forward,
                              patches::forward);
  forward(g, x.data<float>(), w.data<float>(), ending_of(epilogue), y.data<float>());
}

void grad_input(const ConvParams& params, const Tensor& w, const Tensor& dy,
                const Epilogue& epilogue, Tensor& dx) {
  if (dx.count() == 0) return;
  if (dy.count() == 0 || w.count() == 0) return end_zero(epilogue, dx);
  const Geometry g(params, dx.shape(), w.shape(), dy.shape());
  const Way way = way_grad_input(g);
  const auto grad_input = way == Way::narrow ? narrow::grad_input
                                             : by_way(way, direct::grad_input, winograd::grad_input,
                                                      library::grad_input, patches::grad_input);
  grad_input(g, w.data<float>(), dy.data<float>(), ending_of(epilogue), dx.data<float>());
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
