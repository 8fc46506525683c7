#pragma once

#include <functional>
#include <memory>
#include <string>

#include "autograd/conv.h"
#include "nn/module.h"
#include "nn/pass.h"

// Layers: modules that map a Var to a Var. Weights start as Glorot uniform, biases at 0, once
// Module::initialize has run. A call throws what the operation that it is made of throws for an x
// of another shape, dtype or device; a constructor ShapeError for sizes that are no shape.

namespace gradus {

/// What Sequential can hold.
class Layer : public Module {
 public:
  Layer(Module& parent, std::string name) : Module(parent, name), name_(std::move(name)) {}
  /// Computes and reports it under the layer's name.
  Var operator()(const Pass& pass, const Var& x);
  const std::string& name() const { return name_; }

 protected:
  virtual Var forward(const Pass& pass, const Var& x) = 0;

 private:
  std::string name_;
};

/// A layer that multiplies by a weight and adds a bias [out], an element an output channel.
class WeightedLayer : public Layer {
 public:
  Parameter& weight() { return weight_; }
  Parameter& bias() { return bias_; }
  /// The weight's elements as [A, B, C]: B of them for each of the A * C output channels.
  const Shape& filters() const { return filters_; }

 protected:
  WeightedLayer(Module& parent, std::string name, const Shape& weight, const Shape& filters,
                const Initializer& initializer, int64_t fan_in, int64_t fan_out);

 private:
  Shape filters_;
  Parameter weight_, bias_;
};

/// x [N, in] -> x weight^T + bias [N, out]; weight [out, in], bias [out].
class Linear : public WeightedLayer {
 public:
  struct Options {
    int64_t in, out;
    Initializer initializer = glorot_uniform();
  };
  Linear(Module& parent, std::string name, const Options& options);

 protected:
  Var forward(const Pass& pass, const Var& x) override;
};

struct Conv2dOptions {
  int64_t in, out;  ///< channels
  int kernel = 3;
  int stride = 1;
  Padding padding = Padding::same();
  Initializer initializer = glorot_uniform();
  int dilation = 1;
  int groups = 1;
};

/// x [N, H, W, in] -> [N, P, Q, out]; weight [out, kernel, kernel, in / groups], bias [out].
/// See conv2d. The constructor throws ShapeError where groups do not divide in and out.
class Conv2d : public WeightedLayer {
 public:
  Conv2d(Module& parent, std::string name, const Conv2dOptions& options);

 protected:
  Var forward(const Pass& pass, const Var& x) override;

 private:
  ConvOptions geometry_;
};

/// x [N, H, W, in] -> [N, P, Q, out]; weight [in, kernel, kernel, out / groups], bias [out].
/// See conv_transpose2d. The constructor throws as Conv2d's.
class ConvTranspose2d : public WeightedLayer {
 public:
  ConvTranspose2d(Module& parent, std::string name, const Conv2dOptions& options);

 protected:
  Var forward(const Pass& pass, const Var& x) override;

 private:
  ConvOptions geometry_;
};

/// Batch norm over all axes but the last (Ioffe & Szegedy 2015): x [..., C] -> [..., C]; weight =
/// gamma [C], initialised to 1, bias = beta [C]. The pass says which statistics, [C], at first 0
/// and 1: running = running + r * (the batch's - running), biased variance, r = 1 - momentum. Where
/// the pass has a step t, 0 in a run's first, r = (1 - momentum) / (1 - momentum^(t + 1)), so that
/// nothing is left of the 0 and 1 (as Adam corrects its moments, Kingma & Ba 2015).
class BatchNorm final : public Layer {
 public:
  struct Options {
    int64_t channels;
    double epsilon = 1e-3;
    double momentum = 0.99;  ///< in [0, 1], unchecked
  };
  BatchNorm(Module& parent, std::string name, const Options& options);

 protected:
  Var forward(const Pass& pass, const Var& x) override;

 private:
  double epsilon_, momentum_;
  Parameter weight_, bias_;
  Buffer running_mean_, running_variance_;
};

/// Layer norm over the last axes, those of `shape` (Ba et al. 2016): x -> x's shape; weight =
/// gamma, initialised to 1, bias = beta, of `shape`.
class LayerNorm final : public Layer {
 public:
  struct Options {
    Shape shape;
    double epsilon = 1e-5;
  };
  LayerNorm(Module& parent, std::string name, const Options& options);

 protected:
  Var forward(const Pass& pass, const Var& x) override;

 private:
  double epsilon_;
  Parameter weight_, bias_;
};

/// autograd/dropout.h's in training passes, by the pass's next draw; else x. Throws Error there
/// unless 0 <= rate < 1.
Var dropout(const Pass& pass, const Var& x, double rate);

/// The same as a layer, for an x of any shape.
class Dropout final : public Layer {
 public:
  Dropout(Module& parent, std::string name, double rate)
      : Layer(parent, std::move(name)), rate_(rate) {}

 protected:
  Var forward(const Pass& pass, const Var& x) override { return dropout(pass, x, rate_); }

 private:
  double rate_;
};

/// Layers and functions, one after the other.
class Sequential final : public Layer {
 public:
  Sequential(Module& parent, std::string name) : Layer(parent, std::move(name)) {}
  /// Adds a layer made by L(*this, name, args...).
  template <class L, class... Args>
  Sequential& add(std::string name, Args&&... args) {
    steps_.push_back(
        [layer = std::make_shared<L>(*this, std::move(name), std::forward<Args>(args)...)](
            const Pass& pass, const Var& x) { return (*layer)(pass, x); });
    return *this;
  }
  Sequential& add(std::function<Var(const Var&)> function) {
    steps_.push_back([f = std::move(function)](const Pass&, const Var& x) { return f(x); });
    return *this;
  }

 protected:
  Var forward(const Pass& pass, const Var& x) override;

 private:
  std::vector<std::function<Var(const Pass&, const Var&)>> steps_;
};

}  // namespace gradus
