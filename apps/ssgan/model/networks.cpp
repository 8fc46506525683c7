#include "apps/ssgan/model/networks.h"

#include <optional>

#include "autograd/ops.h"

namespace gradus::ssgan {
namespace {

Conv2dOptions deconv5x5(int64_t in, int64_t out) {
  return {.in = in, .out = out, .kernel = 5, .stride = 2};
}

Conv2dOptions conv3x3(int64_t in, int64_t out, int stride) {
  return {.in = in, .out = out, .kernel = 3, .stride = stride};
}

bool is_large(const NetworkOptions& o) { return o.image_size == 64; }

template <class Layer>
using Maybe = std::optional<Layer>;

class TutorialGenerator final : public Generator::Layers {
 public:
  TutorialGenerator(Generator& g, const NetworkOptions& options);
  Var forward(const Pass& pass, const Var& z) const override;

 private:
  double alpha_;
  int64_t size_mult_;
  Linear dense_;
  std::optional<BatchNorm> bn0_;  // these two where images are 64 pixels
  std::optional<ConvTranspose2d> deconv1_;
  BatchNorm bn1_;
  ConvTranspose2d deconv2_;
  BatchNorm bn2_;
  ConvTranspose2d deconv3_;
  BatchNorm bn3_;
  ConvTranspose2d deconv4_;
};

class TutorialDiscriminator final : public Discriminator::Layers {
 public:
  TutorialDiscriminator(Discriminator& d, const NetworkOptions& options);
  Output forward(const Pass& pass, const Var& images) const override;

 private:
  NetworkOptions options_;
  std::optional<Conv2d> conv0_;  // where images are 64 pixels
  Conv2d conv1_, conv2_;
  std::optional<BatchNorm> bn2_;
  Conv2d conv3_;
  BatchNorm bn3_;
  Conv2d conv4_;
  BatchNorm bn4_;
  Conv2d conv5_;
  BatchNorm bn5_;
  std::optional<Conv2d> conv6_;
  std::optional<BatchNorm> bn6_;
  Conv2d conv7_;
  Linear dense_;
};

TutorialGenerator::TutorialGenerator(Generator& g, const NetworkOptions& o)
    : alpha_(o.alpha),
      size_mult_(o.g_size_mult),
      dense_(g, "dense", {kZSize, 4 * 4 * size_mult_ * (is_large(o) ? 8 : 4)}),
      bn0_(is_large(o)
               ? Maybe<BatchNorm>(std::in_place, g, "bn0", BatchNorm::Options{size_mult_ * 8})
               : std::nullopt),
      deconv1_(is_large(o) ? Maybe<ConvTranspose2d>(std::in_place, g, "deconv1",
                                                    deconv5x5(size_mult_ * 8, size_mult_ * 4))
                           : std::nullopt),
      bn1_(g, "bn1", {size_mult_ * 4}),
      deconv2_(g, "deconv2", deconv5x5(size_mult_ * 4, size_mult_ * 2)),
      bn2_(g, "bn2", {size_mult_ * 2}),
      deconv3_(g, "deconv3", deconv5x5(size_mult_ * 2, size_mult_)),
      bn3_(g, "bn3", {size_mult_}),
      deconv4_(g, "deconv4", deconv5x5(size_mult_, 3)) {}

Var TutorialGenerator::forward(const Pass& pass, const Var& z) const {
  Var x1 = dense_(pass, z);
  x1 = reshape(x1, {z.shape()[0], 4, 4, x1.shape()[1] / 16});
  if (deconv1_) {
    x1 = pass.report("relu0", leaky_relu((*bn0_)(pass, x1), alpha_));
    x1 = (*deconv1_)(pass, x1);
  }
  x1 = pass.report("relu1", leaky_relu(bn1_(pass, x1), alpha_));

  Var x2 = deconv2_(pass, x1);
  x2 = pass.report("relu2", leaky_relu(bn2_(pass, x2), alpha_));

  Var x3 = deconv3_(pass, x2);
  x3 = pass.report("relu3", leaky_relu(bn3_(pass, x3), alpha_));

  const Var logits = pass.report("logits", deconv4_(pass, x3));
  return tanh(logits);
}

TutorialDiscriminator::TutorialDiscriminator(Discriminator& d, const NetworkOptions& o)
    : options_(o),
      conv0_(is_large(o) ? Maybe<Conv2d>(std::in_place, d, "conv0", conv3x3(3, o.d_size_mult, 2))
                         : std::nullopt),
      conv1_(d, "conv1", conv3x3(is_large(o) ? o.d_size_mult : 3, o.d_size_mult, 2)),
      conv2_(d, "conv2", conv3x3(o.d_size_mult, o.d_size_mult, 2)),
      conv3_(d, "conv3", conv3x3(o.d_size_mult, o.d_size_mult, 2)),
      bn3_(d, "bn3", {o.d_size_mult}),
      conv4_(d, "conv4", conv3x3(o.d_size_mult, 2 * o.d_size_mult, 1)),
      bn4_(d, "bn4", {2 * o.d_size_mult}),
      conv5_(d, "conv5", conv3x3(2 * o.d_size_mult, 2 * o.d_size_mult, 1)),
      bn5_(d, "bn5", {2 * o.d_size_mult}),
      conv7_(d, "conv7",
             {.in = 2 * o.d_size_mult, .out = 2 * o.d_size_mult, .padding = Padding::valid()}),
      dense_(d, "dense", {2 * o.d_size_mult, o.num_classes + o.extra_class}) {
  if (o.keep_dead_layers || o.relu2_reads_bn2)
    bn2_.emplace(d, "bn2", BatchNorm::Options{o.d_size_mult});
  if (o.keep_dead_layers) {
    conv6_.emplace(d, "conv6", conv3x3(2 * o.d_size_mult, 2 * o.d_size_mult, 2));
    bn6_.emplace(d, "bn6", BatchNorm::Options{2 * o.d_size_mult});
  }
}

Discriminator::Layers::Output TutorialDiscriminator::forward(const Pass& pass,
                                                             const Var& images) const {
  const double alpha = options_.alpha, drop_rate = options_.drop_rate;
  const Var x = pass.report("dropout0", dropout(pass, images, drop_rate / 2.5));

  Var x1 = x;
  if (conv0_) x1 = pass.report("relu0", leaky_relu((*conv0_)(pass, x), alpha));
  x1 = conv1_(pass, x1);
  Var relu1 = pass.report("relu1", leaky_relu(x1, alpha));
  relu1 = pass.report("dropout1", dropout(pass, relu1, drop_rate));

  const Var x2 = conv2_(pass, relu1);
  const Var bn2 = bn2_ ? (*bn2_)(pass, x2) : Var();
  const Var relu2 = pass.report("relu2", leaky_relu(options_.relu2_reads_bn2 ? bn2 : x2, alpha));

  const Var x3 = conv3_(pass, relu2);
  Var relu3 = pass.report("relu3", leaky_relu(bn3_(pass, x3), alpha));
  relu3 = pass.report("dropout3", dropout(pass, relu3, drop_rate));

  const Var x4 = conv4_(pass, relu3);
  const Var relu4 = pass.report("relu4", leaky_relu(bn4_(pass, x4), alpha));

  const Var x5 = conv5_(pass, relu4);
  const Var relu5 = pass.report("relu5", leaky_relu(bn5_(pass, x5), alpha));

  if (conv6_) {  // as printed: nothing reads relu6
    const Var x6 = (*conv6_)(pass, relu5);
    const Var relu6 = pass.report("relu6", leaky_relu((*bn6_)(pass, x6), alpha));
    pass.show("dropout6", dropout(pass, relu6, drop_rate));
  }

  const Var x7 = conv7_(pass, relu5);
  const Var relu7 = pass.report("relu7", leaky_relu(x7, alpha));

  const Var features = pass.report("features", mean(relu7, {1, 2}));
  return {features, pass.report("class_logits", dense_(pass, features))};
}

template <class Network, class Tutorial>
std::unique_ptr<const typename Network::Layers> layers_of(Network& network,
                                                          const NetworkOptions& o) {
  if (o.architecture == Architecture::salimans2016) return salimans_layers(network, o);
  return std::make_unique<const Tutorial>(network, o);
}

}  // namespace

Generator::Generator(const NetworkOptions& o, DType dtype, Device device)
    : Module(dtype, device), layers_(layers_of<Generator, TutorialGenerator>(*this, o)) {}

Discriminator::Discriminator(const NetworkOptions& o, DType dtype, Device device)
    : Module(dtype, device),
      options_(o),
      layers_(layers_of<Discriminator, TutorialDiscriminator>(*this, o)) {}

Discriminator::Output Discriminator::operator()(const Pass& pass, const Var& images) const {
  const auto [features, class_logits] = layers_->forward(pass, images);
  const Var real_class_logits = slice(class_logits, 1, 0, options_.num_classes);
  Var gan_logits = logsumexp(real_class_logits, {1});
  if (options_.extra_class) {
    const Var fake_class_logits =
        slice(class_logits, 1, options_.num_classes, options_.num_classes + 1);
    gan_logits = gan_logits - reshape(fake_class_logits, gan_logits.shape());
  }
  pass.show("gan_logits", gan_logits);
  const bool all = options_.extra_class == 0 || options_.scores_with_fake;
  return {features, class_logits, gan_logits, all ? class_logits : real_class_logits};
}

}  // namespace gradus::ssgan
