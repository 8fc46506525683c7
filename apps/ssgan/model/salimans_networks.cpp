#include "apps/ssgan/model/networks.h"
#include "autograd/ops.h"
#include "nn/weight_norm.h"

namespace gradus::ssgan {
namespace {

Conv2dOptions conv3x3(int64_t in, int64_t out, int stride = 1,
                      const Padding& padding = Padding::of(1, 1, 1, 1)) {
  return {.in = in, .out = out, .stride = stride, .padding = padding, .initializer = normal(0.05)};
}

/// Each pixel by itself.
Conv2dOptions conv1x1(int64_t in, int64_t out) {
  return {.in = in, .out = out, .kernel = 1, .initializer = normal(0.05)};
}

Conv2dOptions deconv5x5(int64_t in, int64_t out) {
  return {.in = in, .out = out, .kernel = 5, .stride = 2, .initializer = normal(0.05)};
}

/// Leaves the layer's gain, so called, as it starts.
void fix(Module& layer, const char* gain) {
  for (const auto& [name, parameter] : layer.named_parameters())
    if (name == gain) parameter->freeze();
}

void require_small(const NetworkOptions& o) {
  require<Error>(o.image_size == kTutorialSize,
                 "networks salimans2016: they are for images of {} pixels, not {}", kTutorialSize,
                 o.image_size);
}

class SalimansGenerator final : public Generator::Layers {
 public:
  SalimansGenerator(Generator& g, const NetworkOptions& o)
      : m_(o.g_size_mult),
        dense_(g, "dense", {kZSize, 4 * 4 * 4 * m_, normal(0.05)}),
        bn1_(g, "bn1", {4 * 4 * 4 * m_}),
        deconv2_(g, "deconv2", deconv5x5(4 * m_, 2 * m_)),
        bn2_(g, "bn2", {2 * m_}),
        deconv3_(g, "deconv3", deconv5x5(2 * m_, m_)),
        bn3_(g, "bn3", {m_}),
        deconv4_(g, "deconv4", deconv5x5(m_, 3)) {
    for (BatchNorm* bn : {&bn1_, &bn2_, &bn3_}) fix(*bn, "weight");
  }

  Var forward(const Pass& pass, const Var& z) const override {
    const Var x1 = dense_(pass, z);  // each of its units has statistics of its own
    const Var relu1 = pass.report("relu1", relu(bn1_(pass, x1)));

    const Var x2 = deconv2_(pass, reshape(relu1, {z.shape()[0], 4, 4, 4 * m_}));
    const Var relu2 = pass.report("relu2", relu(bn2_(pass, x2)));

    const Var x3 = deconv3_(pass, relu2);
    const Var relu3 = pass.report("relu3", relu(bn3_(pass, x3)));

    return tanh(pass.report("logits", deconv4_(pass, relu3)));
  }

 private:
  int64_t m_;
  Linear dense_;
  BatchNorm bn1_;
  ConvTranspose2d deconv2_;
  BatchNorm bn2_;
  ConvTranspose2d deconv3_;
  BatchNorm bn3_;
  WeightNorm<ConvTranspose2d> deconv4_;
};

class SalimansDiscriminator final : public Discriminator::Layers {
 public:
  SalimansDiscriminator(Discriminator& d, const NetworkOptions& o)
      : alpha_(o.alpha),
        drop_rate_(o.drop_rate),
        m_(o.d_size_mult),
        conv1_(d, "conv1", conv3x3(3, m_)),
        conv2_(d, "conv2", conv3x3(m_, m_)),
        conv3_(d, "conv3", conv3x3(m_, m_, 2)),
        conv4_(d, "conv4", conv3x3(m_, 2 * m_)),
        conv5_(d, "conv5", conv3x3(2 * m_, 2 * m_)),
        conv6_(d, "conv6", conv3x3(2 * m_, 2 * m_, 2)),
        conv7_(d, "conv7", conv3x3(2 * m_, 2 * m_, 1, Padding::valid())),
        conv8_(d, "conv8", conv1x1(2 * m_, 2 * m_)),
        conv9_(d, "conv9", conv1x1(2 * m_, 2 * m_)),
        dense_(d, "dense", Linear::Options{2 * m_, o.num_classes + o.extra_class, normal(0.05)}) {
    for (Module* conv : std::initializer_list<Module*>{&conv1_, &conv2_, &conv3_, &conv4_, &conv5_,
                                                       &conv6_, &conv7_, &conv8_, &conv9_})
      fix(*conv, "g");
  }

  Output forward(const Pass& pass, const Var& images) const override {
    const auto layer = [&](const char* name, const Var& x) {
      return pass.report(name, leaky_relu(x, alpha_));
    };
    const auto drop = [&](const char* name, const Var& x, double rate) {
      return pass.report(name, dropout(pass, x, rate));
    };
    const Var x = drop("dropout0", images, drop_rate_ / 2.5);

    const Var relu1 = layer("relu1", conv1_(pass, x));
    const Var relu2 = layer("relu2", conv2_(pass, relu1));
    Var relu3 = layer("relu3", conv3_(pass, relu2));
    relu3 = drop("dropout3", relu3, drop_rate_);

    const Var relu4 = layer("relu4", conv4_(pass, relu3));
    const Var relu5 = layer("relu5", conv5_(pass, relu4));
    Var relu6 = layer("relu6", conv6_(pass, relu5));
    relu6 = drop("dropout6", relu6, drop_rate_);

    const Var relu7 = layer("relu7", conv7_(pass, relu6));
    const Var relu8 = layer("relu8", conv8_(pass, relu7));
    const Var relu9 = layer("relu9", conv9_(pass, relu8));

    const Var features = pass.report("features", mean(relu9, {1, 2}));
    return {features, pass.report("class_logits", dense_(pass, features))};
  }

 private:
  double alpha_, drop_rate_;
  int64_t m_;
  WeightNorm<Conv2d> conv1_, conv2_, conv3_, conv4_, conv5_, conv6_, conv7_, conv8_, conv9_;
  WeightNorm<Linear> dense_;
};

}  // namespace

std::unique_ptr<const Generator::Layers> salimans_layers(Generator& generator,
                                                         const NetworkOptions& o) {
  require_small(o);
  return std::make_unique<SalimansGenerator>(generator, o);
}

std::unique_ptr<const Discriminator::Layers> salimans_layers(Discriminator& discriminator,
                                                             const NetworkOptions& o) {
  require_small(o);
  return std::make_unique<SalimansDiscriminator>(discriminator, o);
}

}  // namespace gradus::ssgan
