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

auto forward_of(Way way) {
  switch (way) {
    case Way::direct:
      return direct::forward;
    case Way::winograd:
      return winograd::forward;
    case Way::library:
      return library::forward;
    default:
      return patches::forward;
  }
}

auto grad_input_of(Way way) {
  switch (way) {
    case Way::direct:
      return direct::grad_input;
    case Way::winograd:
      return winograd::grad_input;
    case Way::narrow:
      return narrow::grad_input;
    case Way::library:
      return library::grad_input;
    default:
      return patches::grad_input;
  }
}

auto grad_weight_of(Way way) {
  switch (way) {
    case Way::direct:
      return direct::grad_weight;
    case Way::winograd:
      return winograd::grad_weight;
    case Way::library:
      return library::grad_weight;
    default:
      return patches::grad_weight;
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
  forward_of(way_forward(g))(g, x.data<float>(), w.data<float>(), ending_of(epilogue),
                             y.data<float>());
}

void grad_input(const ConvParams& params, const Tensor& w, const Tensor& dy,
                const Epilogue& epilogue, Tensor& dx) {
  if (dx.count() == 0) return;
  if (dy.count() == 0 || w.count() == 0) return end_zero(epilogue, dx);
  const Geometry g(params, dx.shape(), w.shape(), dy.shape());
  grad_input_of(way_grad_input(g))(g, w.data<float>(), dy.data<float>(), ending_of(epilogue),
                                   dx.data<float>());
}

void grad_weight(const ConvParams& params, const Tensor& x, const Tensor& dy, Tensor& dw) {
  if (dw.count() == 0) return;
  if (x.count() == 0 || dy.count() == 0) return fill_zero(dw);
  const Geometry g(params, x.shape(), dw.shape(), dy.shape());
  grad_weight_of(way_grad_weight(g))(g, x.data<float>(), dy.data<float>(), dw.data<float>());
}

}  // namespace gradus::cpu::convolution
