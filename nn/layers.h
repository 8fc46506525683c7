#pragma once

#include <functional>
#include <memory>
#include <string>

#include "autograd/augment.h"
#include "autograd/conv.h"
#include "autograd/reduce.h"
#include "nn/module.h"
#include "nn/pass.h"

// Layers: modules that map a Var to a Var. Weights start as Glorot uniform, biases at 0, once
// Module::initialize has run. A layer is a part of a module, as a member that names itself
// (*this, "conv1", options), or made of its options alone, for a Sequential to take. A call throws
// what the operation that it is made of throws for an x of another shape, dtype or device; a
// constructor ShapeError for sizes that are no shape.

namespace gradus {

/// What Sequential can hold.
class Layer : public Module {
 public:
  Layer(Parent parent, std::string name) : Module(parent, name), name_(std::move(name)) {}
  /// Computes and reports it under the layer's name. The layer's parts stay as they are, but for
  /// the elements that the pass says to move: running statistics, and what WeightNorm starts from.
  Var operator()(const Pass& pass, const Var& x) const;
  const std::string& name() const { return name_; }

 protected:
  virtual Var forward(const Pass& pass, const Var& x) const = 0;

 private:
  friend class Sequential;  // names what it takes
  std::string name_;
};

/// A layer that multiplies by a weight and adds a bias [out], an element an output channel.
class WeightedLayer : public Layer {
 public:
  Parameter& weight() { return weight_; }
  Parameter& bias() { return bias_; }
  const Parameter& weight() const { return weight_; }
  const Parameter& bias() const { return bias_; }
  /// The weight's elements as [A, B, C]: B of them for each of the A * C output channels.
  const Shape& filters() const { return filters_; }

 protected:
  WeightedLayer(Parent parent, std::string name, const Shape& weight, const Shape& filters,
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
  Linear(Parent parent, std::string name, const Options& options);
  explicit Linear(const Options& options) : Linear(Parent(), "", options) {}
  Linear(int64_t in, int64_t out) : Linear(Options{in, out}) {}

 protected:
  Var forward(const Pass& pass, const Var& x) const override;
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
  Conv2d(Parent parent, std::string name, const Conv2dOptions& options);
  explicit Conv2d(const Conv2dOptions& options) : Conv2d(Parent(), "", options) {}

 protected:
  Var forward(const Pass& pass, const Var& x) const override;

 private:
  ConvOptions geometry_;
};

/// x [N, H, W, in] -> [N, P, Q, out]; weight [in, kernel, kernel, out / groups], bias [out].
/// See conv_transpose2d. The constructor throws as Conv2d's.
class ConvTranspose2d : public WeightedLayer {
 public:
  ConvTranspose2d(Parent parent, std::string name, const Conv2dOptions& options);
  explicit ConvTranspose2d(const Conv2dOptions& options) : ConvTranspose2d(Parent(), "", options) {}

 protected:
  Var forward(const Pass& pass, const Var& x) const override;

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
  BatchNorm(Parent parent, std::string name, const Options& options);
  explicit BatchNorm(const Options& options) : BatchNorm(Parent(), "", options) {}

 protected:
  Var forward(const Pass& pass, const Var& x) const override;

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
  LayerNorm(Parent parent, std::string name, const Options& options);
  explicit LayerNorm(const Options& options) : LayerNorm(Parent(), "", options) {}

 protected:
  Var forward(const Pass& pass, const Var& x) const override;

 private:
  double epsilon_;
  Parameter weight_, bias_;
};

/// autograd/dropout.h's in training passes, by the pass's next draw; else x. Throws Error there
/// unless 0 <= rate < 1.
Var dropout(const Pass& pass, const Var& x, double rate);

/// autograd/augment.h's of images by the pass's next draw.
Var augment(const Pass& pass, const Var& images, const Augmentation& augmentation);

/// sum and mean over axes that the first is one of (none named: over all), of a batch x [N, ...]:
/// in a shared pass of the whole batch, the same on all ranks. A mean of nothing is 0 there.
Var sum(const Pass& pass, const Var& x, const Axes& axes = {});
Var mean(const Pass& pass, const Var& x, const Axes& axes = {});

/// Where this rank's rows stand in the batch of a shared pass.
struct BatchRows {
  int64_t before, total;  ///< rows of lower ranks, of all
};
/// Of a batch of which this rank has `own`; in a pass that is not shared {0, own}.
BatchRows batch_rows(const Pass& pass, int64_t own);

/// The same as a layer, for an x of any shape.
class Dropout final : public Layer {
 public:
  Dropout(Parent parent, std::string name, double rate)
      : Layer(parent, std::move(name)), rate_(rate) {}
  explicit Dropout(double rate) : Dropout(Parent(), "", rate) {}

 protected:
  Var forward(const Pass& pass, const Var& x) const override { return dropout(pass, x, rate_); }

 private:
  double rate_;
};

}  // namespace gradus
