#include "apps/ssgan/model/objective.h"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <vector>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/model/trainer.h"
#include "apps/ssgan/options.h"
#include "apps/ssgan/run/run_plan.h"
#include "autograd/ops.h"
#include "tests/catch.h"
#include "tests/small_objective.h"

using namespace gradus;
using namespace gradus::ssgan;

namespace {

/// Probabilities of ten classes: this one of `top`, the others alike.
std::vector<double> sure_of(int64_t top, double probability) {
  std::vector<double> p(10, (1 - probability) / 9);
  p[static_cast<size_t>(top)] = probability;
  return p;
}

Tensor taught_so(const std::vector<std::vector<double>>& rows) {
  std::vector<double> all;
  for (const auto& row : rows) all.insert(all.end(), row.begin(), row.end());
  return Tensor::from(std::span<const double>(all), {static_cast<int64_t>(rows.size()), 10});
}

std::vector<double> flat(const Var& v) { return v.value().to_vector<double>(); }

double softplus_mean(const std::vector<double>& v, size_t from, double sign) {
  double sum = 0;
  for (size_t i = from; i < v.size(); ++i) sum += std::log1p(std::exp(sign * v[i]));
  return sum / static_cast<double>(v.size() - from);
}

Objective learns(double tau, bool mse) {
  Objective o;
  o.gan_weight = 0;
  o.pseudo_label = tau;
  o.mean_teacher = mse;
  return o;
}

/// Options whose networks are so small that steps take milliseconds.
Options small_options(const std::string& name) {
  Options o = preset(name);
  if (name == "best") o.objective.gan_weight = 0.1;  // both kinds of loss at once
  o.network.g_size_mult = 2;
  o.network.d_size_mult = 3;
  o.batch_size = 8;
  o.labelled_batch = 3;
  return o;
}

class Steps {
 public:
  explicit Steps(const Options& o) : trainer(o, DType::f32, kCpu) {
    std::vector<int32_t> mask(16, 0);
    std::fill(mask.begin(), mask.begin() + 6, 1);
    trainer.use(drawn_digits(16, Split::train, o.zero_as),
                Tensor::from(std::span<const int32_t>(mask), {16}));
  }
  Metrics step(int64_t number, double lr = 1e-3, int64_t labelled = 3) {
    std::vector<int32_t> images(8);
    for (int32_t i = 0; i < 8; ++i) images[i] = i < 3 ? i : (i + number) % 16;
    trainer.step(number, {images, labelled}, lr);
    return trainer.take_metrics().at(0);
  }
  std::map<std::string, std::vector<float>> state() {
    std::map<std::string, Tensor> tensors;
    trainer.save(tensors);
    std::map<std::string, std::vector<float>> values;
    for (const auto& [name, t] : tensors)
      if (t.dtype() == DType::f32) values[name] = t.to_vector<float>();
    return values;
  }
  Trainer trainer;
};

}  // namespace

TEST_CASE("objective: its defaults are the tutorial's losses") {
  Small small;
  const Objective plain;
  REQUIRE(plain.is_plain());
  const Pass pass = small.training(), other = small.training();
  const ModelLoss a = small.loss(pass, plain);
  const ModelLoss b =
      model_loss(other, small.generator, small.discriminator, small.batch, small.z, ZeroAs::klass);
  for (const auto member : {&ModelLoss::d_real, &ModelLoss::d_fake, &ModelLoss::d_class,
                            &ModelLoss::d, &ModelLoss::g, &ModelLoss::masked_correct})
    CHECK(std::abs((a.*member).value().item() - (b.*member).value().item()) < 1e-13);
  CHECK(!a.consistency.value().defined());
}

TEST_CASE("objective: every gradient is the differences'") {
  Small small;
  Objective o = learns(0.5, true);
  o.gan_weight = 0.3;
  o.gan_real = GanReal::unlabelled;
  o.augment = "affine";
  o.consistency_weight = 0.7;
  o.entropy = 0.3;
  o.vat = 0.6;
  o.manifold = 0.2;
  o.pull_away = 0.4;
  small.adversarial =
      adversarial_of(small.training(), small.discriminator,
                     slice(small.batch.images, 0, kLabelled, kLabelled + kUnlabelled), "none");
  const Tensor taught = taught_so({sure_of(1, 0.9), sure_of(4, 0.2), sure_of(0, 0.6)});
  for (const auto member : {&ModelLoss::d, &ModelLoss::g}) {
    const GradcheckResult r =
        small.check_gradients(member, o, taught, {.floor = 1e-4, .coordinates = 2});
    INFO(r.worst << "; kinks " << r.kinks << " of " << r.checked + r.kinks);
    CHECK(r.ok);
    CHECK(r.worst_error <= 1e-6);
    CHECK(r.kinks < r.checked / 4);
  }
}

TEST_CASE("objective: weights and the real images that the GAN is about") {
  Small small;
  Objective o;
  const double d_class = small.value(o, &ModelLoss::d_class);
  std::vector<double> real, fake;
  const Pass pass = small.training();
  pass.observe([&](const std::string& name, const Var& v) {
    if (name == "real.gan_logits") real = flat(v);
    if (name == "fake.gan_logits") fake = flat(v);
  });
  o.gan_weight = 0.25;
  o.gan_real = GanReal::unlabelled;
  const ModelLoss loss = small.loss(pass, o);
  const double d_real = softplus_mean(real, kLabelled, -1), d_fake = softplus_mean(fake, 0, 1);
  CHECK(std::abs(loss.d_real.value().item() - d_real) < 1e-12);
  CHECK(std::abs(loss.d.value().item() - (d_class + 0.25 * (d_real + d_fake))) < 1e-12);

  // A batch may hold labelled images alone.
  const ModelLoss none = small.loss(small.training(), o, {}, kLabelled + kUnlabelled);
  CHECK(none.d_real.value().item() == 0);
  CHECK(none.g.value().item() == 0);
  CHECK(std::abs(none.d.value().item() - (d_class + 0.25 * d_fake)) < 1e-12);
}

TEST_CASE("objective: generated images are changed as the real ones are") {
  Small small;
  Objective o;
  o.augment = "invert";
  std::vector<double> in_d;
  const auto gan_logits = [&](const Objective& objective) {
    std::vector<double> fake;
    const Pass pass = small.training();
    pass.observe([&](const std::string& name, const Var& v) {
      if (name == "fake.gan_logits") fake = flat(v);
    });
    const ModelLoss loss = small.loss(pass, objective);
    const Tensor towards = pass.tape()->gradients(loss.g, std::vector<Var>{loss.fake})[0];
    double sum = 0;
    for (const double g : towards.to_vector<double>()) sum += std::abs(g);
    CHECK(sum > 0);
    return fake;
  };
  CHECK(gan_logits(o) != gan_logits({}));
}

TEST_CASE("objective: what the average is sure of becomes a label") {
  Small small;
  const Tensor taught = taught_so({sure_of(4, 0.97), sure_of(2, 0.9), sure_of(6, 0.99)});
  const Tensor logits =
      small.discriminator(small.training(), small.batch.images).class_logits.value();
  const std::vector<double> l = logits.to_vector<double>();
  const auto cross_entropy_of = [&](size_t image, size_t label) {
    double sum = 0;
    for (size_t c = 0; c < 10; ++c) sum += std::exp(l[image * 10 + c]);
    return std::log(sum) - l[image * 10 + label];
  };
  const double expected = (cross_entropy_of(2, 4) + cross_entropy_of(4, 6)) / 3;
  CHECK(std::abs(small.value(learns(0.95, false), &ModelLoss::consistency, taught) - expected) <
        1e-12);
  CHECK(std::abs(small.value(learns(0.95, false), &ModelLoss::confident, taught) - 2 / 3.) < 1e-15);
  // Nothing is as sure as 1.
  CHECK(small.value(learns(1, false), &ModelLoss::consistency, taught) == 0);

  double squares = 0;
  for (size_t image = 2; image < 5; ++image)
    for (size_t c = 0; c < 10; ++c) {
      const double p = std::exp(-cross_entropy_of(image, c));
      const double difference = p - taught.to_vector<double>()[(image - 2) * 10 + c];
      squares += difference * difference / 3;
    }
  CHECK(std::abs(small.value(learns(0, true), &ModelLoss::consistency, taught) - squares) < 1e-12);
  Objective both = learns(0.95, true);
  both.consistency_weight = 0.5;
  const double d_class = small.value(both, &ModelLoss::d_class, taught);
  CHECK(std::abs(small.value(both, &ModelLoss::d, taught) - d_class - (expected + squares) / 2) <
        1e-12);
}

TEST_CASE("objective: the average teaches the classes, not that of generated images") {
  NetworkOptions options = small_network();
  options.extra_class = 1;
  Small small(options);
  const Tensor taught =
      teach(small.training(), small.discriminator, small.batch.images, options.num_classes);
  REQUIRE(taught.shape() == Shape{kLabelled + kUnlabelled, 10});
  const std::vector<double> p = taught.to_vector<double>();
  CHECK(std::abs(std::accumulate(p.begin(), p.begin() + 10, 0.0) - 1) < 1e-12);
  const ModelLoss loss =
      small.loss(small.training(), learns(0.01, true), slice(taught, 0, 0, 3).value());
  CHECK(std::isfinite(loss.d.value().item()));
}

TEST_CASE("objective: the average of D follows D, with statistics of its own where it teaches") {
  for (const char* name : {"best", "augmented"}) {
    INFO(name);
    Steps steps(small_options(name));
    const auto start = steps.state();
    steps.step(0);
    const auto first = steps.state();
    const std::string weight = "conv3.weight";
    for (size_t i = 0; i < start.at("discriminator." + weight).size(); ++i) {
      const double expected = 0.1 * start.at("discriminator." + weight)[i] +
                              0.9 * first.at("discriminator." + weight)[i];
      CHECK(std::abs(first.at(kAveraged + weight)[i] - expected) < 1e-6);
    }
    const std::string mean = "bn3.running_mean";
    CHECK((first.at(kAveraged + mean) == first.at("discriminator." + mean)) ==
          (std::string(name) == "augmented"));
    CHECK(first.at(kAveraged + mean) != start.at(kAveraged + mean));
    CHECK(&steps.trainer.evaluated() != &steps.trainer.discriminator());
  }
}

TEST_CASE("objective: a state without an average is gone on with by its weights") {
  Steps from(small_options("mended")), to(small_options("best"));
  from.step(0);
  std::map<std::string, Tensor> tensors;
  from.trainer.save(tensors);
  to.trainer.load(tensors);
  const auto state = to.state();
  CHECK(state.at(std::string(kAveraged) + "conv3.weight") ==
        from.state().at("discriminator.conv3.weight"));
}

TEST_CASE("objective: the generator matches features, fools D, or both") {
  Small small;
  Objective match, fool, both;
  fool.g_loss = GLoss::fool;
  both.g_loss = GLoss::both;
  CHECK((match.is_plain() && !fool.is_plain() && !both.is_plain()));
  const Pass pass = small.training();
  std::vector<double> gan_logits;
  pass.observe([&](const std::string& name, const Var& v) {
    if (name == "fake.gan_logits") gan_logits = flat(v);
  });
  const double fooled = small.loss(pass, fool).g.value().item();
  CHECK(std::abs(fooled - softplus_mean(gan_logits, 0, -1)) < 1e-12);
  const double matched = small.value(match, &ModelLoss::g);
  CHECK(std::abs(small.value(both, &ModelLoss::g) - (matched + fooled)) < 1e-12);
  CHECK(small.value(both, &ModelLoss::d) == small.value(match, &ModelLoss::d));
  // It stays with a run.
  Options o = preset("tutorial");
  CHECK(options_from_json(to_json(o)).objective.g_loss == GLoss::match);
  o.objective.g_loss = GLoss::both;
  CHECK(options_from_json(to_json(o)).objective.g_loss == GLoss::both);
  auto json = to_json(o);
  json["g_loss"] = "win";
  CHECK_THROWS_AS(options_from_json(json), DataError);
}

TEST_CASE("objective: losses are finite at its extremes") {
  std::vector<Options> all;
  const auto add = [&](auto change) {
    Options o = small_options("best");
    change(o);
    all.push_back(o);
  };
  add([](Options& o) { o.objective.gan_weight = 1000; });
  add([](Options& o) { o.objective.gan_weight = 0; });
  add([](Options& o) { o.objective.pseudo_label = 1; });
  add([](Options& o) { o.objective.pseudo_label = 0.001; });
  add([](Options& o) { o.objective.consistency_weight = 1000; });
  add([](Options& o) { o.objective.mean_teacher = true; });
  add([](Options& o) { o.objective.gan_real = GanReal::unlabelled; });
  add([](Options& o) { o.objective.g_loss = GLoss::both; });
  for (const LossWeight& w : kLossWeights) add([&w](Options& o) { o.objective.*w.weight = 1000; });
  add([](Options& o) { o.labelled_batch = 0; });
  add([](Options& o) { o.labelled_batch = 7; });
  add([](Options& o) { o.noise_batch = 2; });
  add([](Options& o) { o.ema = 0.999999; });
  add([](Options& o) { o.network.extra_class = 1; });
  add([](Options& o) { o.unlabeled = false; });
  for (size_t i = 0; i < all.size(); ++i) {
    INFO("switch " << i);
    Steps steps(all[i]);
    for (int64_t step = 0; step < 50; ++step) {
      const Metrics m = steps.step(step, 1e-2);
      REQUIRE(std::isfinite(m.d));
      REQUIRE(std::isfinite(m.g) == has_gan(all[i]));
    }
    for (const auto& [name, values] : steps.state())
      for (const float v : values) REQUIRE(std::isfinite(v));
  }
}

TEST_CASE("objective: a labelled stream that runs short leaves its place to the unlabelled one") {
  const ImageSet set = drawn_digits(64, Split::train, ZeroAs::klass);
  Options o = small_options("best");
  o.labels = {LabelChoice::Kind::first, 10};
  o.labelled_batch = 4;
  RunPlan plan(o, set);
  std::vector<int64_t> labelled;
  for (int64_t step = 0; step < 4; ++step) {
    const StepImages images = plan.images(step);
    CHECK(images.all.size() == 8);
    labelled.push_back(images.labelled);
    for (int64_t i = 0; i < images.labelled; ++i)
      CHECK(plan.label_mask().span<int32_t>()[size_t(images.all[size_t(i)])] == 1);
  }
  CHECK(labelled == std::vector<int64_t>{4, 4, 2, 4});
  o.labels = {LabelChoice::Kind::first, 3};
  CHECK(RunPlan(o, set).images(0).labelled == 3);
  o.unlabeled = false;
  CHECK(RunPlan(o, set).images(0).labelled == 3);

  // With fewer labelled images, more of the batch are what the average teaches.
  Options sure = small_options("best");
  sure.objective.pseudo_label = 1e-9;
  sure.dropout = false;
  CHECK(Steps(sure).step(0, 1e-3, 1).consistency != Steps(sure).step(0, 1e-3, 3).consistency);
  const Options plain = small_options("mended");
  CHECK(Steps(plain).step(0, 1e-3, 1).d == Steps(plain).step(0, 1e-3, 3).d);
}
