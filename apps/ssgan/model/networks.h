#pragma once

#include <optional>

#include "nn/layers.h"

// The two networks of the tutorial "Using GANs for semi-supervised learning", layer by layer under
// its names. docs/ssgan.md holds them side by side.

namespace gradus::ssgan {

inline constexpr int kTutorialSize = 32;
/// What networks there are for.
inline constexpr int kImageSizes[] = {kTutorialSize, 64};

/// The parts of the networks that the tutorial's prose and its program disagree about, and their
/// sizes. The defaults are the printed program's.
struct NetworkOptions {
  int g_size_mult = 32;
  int d_size_mult = 64;
  int num_classes = 10;
  int image_size = kTutorialSize;  ///< pixels each way: 32, or 64, which takes a layer more
  int extra_class = 0;             ///< 1: a logit for "generated"; 0: that logit is fixed at 0
  bool scores_with_fake = true;    ///< class_scores have that logit of its own, too
  double alpha = 0.2;              ///< slope of the leaky ReLUs
  double drop_rate = 0;            ///< in [0, 1); 0: dropout never acts
  bool relu2_reads_bn2 = false;    ///< the printed relu2 reads conv2's output, past bn2
  bool keep_dead_layers = true;    ///< conv6, bn6, relu6 (and an unread bn2) reach no loss
};

constexpr int64_t kZSize = 100;

/// z [N, 100] -> images [N, S, S, 3] in (-1, 1), S being image_size.
class Generator final : public Module {
 public:
  /// Weights are 0 until Module::initialize or load.
  Generator(const NetworkOptions& options, DType dtype, Device device);
  /// Throws ShapeError, TypeError or DeviceError where z is of another shape, dtype or device.
  Var operator()(const Pass& pass, const Var& z) const;

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

/// images [N, S, S, 3] -> logits of the classes and of "real", which is the logsumexp of the
/// former minus the logit of "generated" (Salimans et al. 2016, section 5).
class Discriminator final : public Module {
 public:
  struct Output {
    Var features;      ///< [N, 2 d_size_mult]
    Var class_logits;  ///< [N, num_classes + extra_class]
    Var gan_logits;    ///< [N]; P(real) = sigmoid(gan_logits)
    Var class_scores;  ///< those of class_logits that class losses and accuracies are about
  };

  Discriminator(const NetworkOptions& options, DType dtype, Device device);
  /// Throws as the generator does.
  Output operator()(const Pass& pass, const Var& images) const;

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

}  // namespace gradus::ssgan
