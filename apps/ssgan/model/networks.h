#pragma once

#include <memory>

#include "nn/layers.h"

// The two networks: those of the tutorial "Using GANs for semi-supervised learning", layer by layer
// under its names (networks.cpp; docs/ssgan.md holds them side by side), or those of Salimans et
// al. 2016 (salimans_networks.cpp).

namespace gradus::ssgan {

inline constexpr int kTutorialSize = 32;
/// What networks there are for.
inline constexpr int kImageSizes[] = {kTutorialSize, 64};

enum class Architecture {
  tutorial,
  /// Salimans et al. 2016, "Improved techniques for training GANs", as their program has them for
  /// SVHN: deeper, with weight norm in D. Images of 32 pixels alone.
  salimans2016,
};
/// "tutorial", "salimans2016".
inline constexpr const char* kArchitectures[] = {"tutorial", "salimans2016"};

/// The parts of the networks that the tutorial's prose and its program disagree about, and their
/// sizes. The defaults are the printed program's.
struct NetworkOptions {
  Architecture architecture = Architecture::tutorial;
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
  Var operator()(const Pass& pass, const Var& z) const { return layers_->forward(pass, z); }

  /// An architecture's layers, which are parts of the generator.
  struct Layers {
    virtual ~Layers() = default;
    virtual Var forward(const Pass& pass, const Var& z) const = 0;
  };

 private:
  std::unique_ptr<const Layers> layers_;
};

/// images [N, S, S, 3] -> logits of the classes and of "real", which is the logsumexp of the
/// former minus the logit of "generated" (Salimans et al. 2016, section 5).
class Discriminator final : public Module {
 public:
  struct Output {
    Var features;      ///< [N, 2 d_size_mult]; the generator is to match their means
    Var class_logits;  ///< [N, num_classes + extra_class]
    Var gan_logits;    ///< [N]; P(real) = sigmoid(gan_logits)
    Var class_scores;  ///< those of class_logits that class losses and accuracies are about
  };

  Discriminator(const NetworkOptions& options, DType dtype, Device device);
  /// Throws as the generator does.
  Output operator()(const Pass& pass, const Var& images) const;

  /// An architecture's layers, which are parts of the discriminator.
  struct Layers {
    struct Output {
      Var features, class_logits;
    };
    virtual ~Layers() = default;
    virtual Output forward(const Pass& pass, const Var& images) const = 0;
  };

 private:
  NetworkOptions options_;
  std::unique_ptr<const Layers> layers_;
};

/// The layers of Architecture::salimans2016 as parts of `generator` and `discriminator`. Throw
/// Error where images are not of 32 pixels.
std::unique_ptr<const Generator::Layers> salimans_layers(Generator& generator,
                                                         const NetworkOptions& options);
std::unique_ptr<const Discriminator::Layers> salimans_layers(Discriminator& discriminator,
                                                             const NetworkOptions& options);

}  // namespace gradus::ssgan
