#pragma once

#include "nn/layers.h"

namespace gradus {

/// w = g * v / |v| for the weights w of each output channel (Salimans & Kingma 2016): v has w's
/// shape, as the result, g is [A * C], and |v|, which must not be 0, is over what one output
/// channel reads; `filters` [A, B, C] is WeightedLayer's. Throws ShapeError where they do not fit
/// together.
Var weight_norm(const Var& v, const Var& g, const Shape& filters);

/// Scales the elements of g and the bias [A * C] of a layer with weight norm so that its output,
/// which with them is y [..., A * C], has mean 0 and variance 1 in each channel (the paper's
/// section 3; 1e-10 is added to the variance); returns that output, a constant. Throws as
/// batch_norm does.
Var start_from_data(const Var& y, Tensor g, Tensor bias);

/// The layer L (Linear, Conv2d or ConvTranspose2d) with weight norm: its own "weight" is v, and "g"
/// starts at 1. In a pass for initialization it sets g and the bias so that each output channel has
/// mean 0 and variance 1 over the batch, as the paper proposes.
template <class L>
class WeightNorm final : public L {
 public:
  template <class Options>
  WeightNorm(Module& parent, std::string name, const Options& options)
      : L(parent, std::move(name), options),
        g_(*this, "g", this->bias().value().shape(), constant(1)) {}

 protected:
  Var forward(const Pass& pass, const Var& x) const override {
    const Var v = pass.use(this->weight());
    pass.bind(this->weight(), weight_norm(v, pass.use(g_), this->filters()));
    const Var y = L::forward(pass, x);
    pass.bind(this->weight(), v);
    return pass.is_initialization() ? start_from_data(y, g_.value(), this->bias().value()) : y;
  }

 private:
  Parameter g_;
};

}  // namespace gradus
