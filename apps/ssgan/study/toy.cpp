#include "apps/ssgan/study/toy.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "apps/ssgan/errors.h"
#include "autograd/ops.h"
#include "nn/optim.h"
#include "nn/sequential.h"

namespace gradus::ssgan {
namespace {

constexpr int64_t kUnlabelled = 256, kMade = 256, kShown = 128, kTest = 2000, kNoise = 2;
constexpr double kLearningRate = 1e-3;

struct Points {
  Tensor x, y;  ///< f32 [N, 2], i32 [N]
};

Points points(const std::string& shape, int64_t count, Random& random) {
  std::vector<int32_t> classes;
  for (int64_t i = 0; i < count; ++i) classes.push_back(static_cast<int32_t>(i % kToyClasses));
  const Tensor y = Tensor::from(std::span<const int32_t>(classes), {count});
  const Var c = y.to(DType::f32);
  const bool rings = shape == "rings";
  const Var angle =
      uniform({count}, random.next(), 0, rings ? 2 * std::numbers::pi : std::numbers::pi);
  const Var noise = normal({count, 2}, random.next(), 0, 0.1);
  const Var radius = 0.6 + 0.8 * c, side = 1 - 2 * c;
  const Var x0 = rings ? radius * cos(angle) : side * (cos(angle) - 0.5);
  const Var x1 = rings ? radius * sin(angle) : side * (sin(angle) - 0.25);
  return {(stack({x0, x1}, 1) + noise).value(), y};
}

std::vector<double> values(const Tensor& t) { return t.to(DType::f64).to_vector<double>(); }

/// The middles of the squares that a frame shows, row by row from the top.
Tensor grid() {
  std::vector<float> at;
  for (int row = 0; row < kToyGrid; ++row)
    for (int column = 0; column < kToyGrid; ++column) {
      at.push_back(static_cast<float>((2 * column + 1 - kToyGrid) * kToyRange / kToyGrid));
      at.push_back(static_cast<float>((kToyGrid - 1 - 2 * row) * kToyRange / kToyGrid));
    }
  return Tensor::from(std::span<const float>(at), {kToyGrid * kToyGrid, 2});
}

class Training {
 public:
  explicit Training(const ToyOptions& o)
      : options_(o),
        data_(o.seed, Stream::data),
        random_(o.seed),
        labelled_(points(o.shape, kToyClasses * o.labels, data_)),
        unlabelled_(points(o.shape, kUnlabelled, data_)),
        test_(points(o.shape, kTest, data_)),
        discriminator_(kToyClasses + o.extra_class) {
    Random init(o.seed, Stream::init);
    generator_.initialize(init);
    discriminator_.initialize(init);
  }

  Toy run() {
    Toy toy{values(unlabelled_.x), values(labelled_.x), labelled_.y.to_vector<int32_t>(), {}};
    const int64_t intervals = std::min(options_.steps, options_.frames - 1);
    int64_t shown = 0;
    for (int64_t step = 0; step <= options_.steps; ++step) {
      const bool show = step == options_.steps * shown / intervals;
      if (show) {
        toy.frames.push_back(look(step));
        ++shown;
      }
      take(step, show ? &toy.frames.back() : nullptr);
    }
    return toy;
  }

 private:
  struct Discriminator : Module {
    explicit Discriminator(int64_t logits) : dense(*this, "dense", {64, logits}) {}
    Sequential features{*this, "features", {Linear{2, 64}, relu, Linear{64, 64}, relu}};
    Linear dense;
  };

  /// Of logits [N, classes, and perhaps "generated"]: those of the classes, and log Z - l_fake.
  Var classes_of(const Var& logits) const {
    return options_.extra_class ? slice(logits, 1, 0, kToyClasses) : logits;
  }
  Var gan_logits(const Var& logits) const {
    const Var log_z = logsumexp(classes_of(logits), {1});
    if (!options_.extra_class) return log_z;
    return log_z - sum(slice(logits, 1, kToyClasses, kToyClasses + 1), {1});
  }

  bool has_generator() const { return options_.g_loss != "none"; }

  /// The same losses as model_loss. Where there is a frame, it gets them, and the pulls on its
  /// points; the last call's update is not seen any more.
  void take(int64_t step, ToyFrame* frame) {
    const Pass pass = Pass::training(random_);
    const auto d_of = [&](const Var& x) { return discriminator_.features(pass, x); };
    const Var labelled = discriminator_.dense(pass, d_of(labelled_.x));
    const Var d_class =
        cross_entropy(options_.class_loss == "all" ? labelled : classes_of(labelled), labelled_.y);
    Var d = d_class, d_real, d_fake, match, fool, g, fake;
    if (has_generator()) {
      fake = generator_(pass, normal({kMade, kNoise}, random_.next()));
      const Var real_features = d_of(unlabelled_.x), fake_features = d_of(fake);
      const Var on_real = gan_logits(discriminator_.dense(pass, real_features));
      const Var on_fake = gan_logits(discriminator_.dense(pass, fake_features));
      d_real = mean(softplus(-on_real));
      d_fake = mean(softplus(on_fake));
      d = d_class + d_real + d_fake;
      match = mean(abs(mean(real_features, {0}) - mean(fake_features, {0})));
      fool = mean(softplus(-on_fake));
      g = options_.g_loss == "match" ? match : options_.g_loss == "fool" ? fool : match + fool;
    }
    if (frame) {
      frame->d_class = d_class.value().item();
      frame->d_real = frame->d_fake = frame->g = std::numeric_limits<double>::quiet_NaN();
    }
    if (frame && has_generator()) {
      frame->d_real = d_real.value().item();
      frame->d_fake = d_fake.value().item();
      frame->g = g.value().item();
      frame->made = values(slice(fake, 0, 0, kShown).value());
      const auto pull = [&](const Var& loss) {
        const auto towards = pass.tape()->gradients(loss, std::vector<Var>{fake}, true);
        return values((-slice(towards[0], 0, 0, kShown)).value());
      };
      frame->match = pull(match);
      frame->fool = pull(fool);
    }
    const double loss = d.value().item();
    require<NotFinite>(std::isfinite(loss), "toy: the discriminator's loss is {} in step {}", loss,
                       step + 1);
    const auto d_grads = pass.gradients(d, discriminator_.parameters(), true);
    if (has_generator()) g_adam_.step(pass.gradients(g, generator_.parameters()), kLearningRate);
    d_adam_.step(d_grads, kLearningRate);
  }

  ToyFrame look(int64_t step) {
    const Pass pass = Pass::evaluation(Statistics::batch);
    const auto logits_at = [&](const Tensor& x) {
      return discriminator_.dense(pass, discriminator_.features(pass, x));
    };
    ToyFrame frame{};
    frame.step = step;
    const Var logits = logits_at(grid());
    frame.class_1 = values(slice(softmax(classes_of(logits)), 1, 1, 2).value());
    frame.real = values(sigmoid(gan_logits(logits)).value());
    const Var on_test = logits_at(test_.x);
    frame.accuracy = mean(equal(argmax(classes_of(on_test)), test_.y)).item();
    frame.accuracy_of_all = mean(equal(argmax(on_test), test_.y)).item();
    return frame;
  }

  ToyOptions options_;
  Random data_, random_;
  Points labelled_, unlabelled_, test_;
  Sequential generator_{Linear{kNoise, 64}, relu, Linear{64, 64}, relu, Linear{64, 2}};
  Discriminator discriminator_;
  Adam g_adam_{generator_, {.beta1 = 0.5}}, d_adam_{discriminator_, {.beta1 = 0.5}};
};

}  // namespace

Toy train_toy(const ToyOptions& options) { return Training(options).run(); }

}  // namespace gradus::ssgan
