#include <algorithm>
#include <cmath>
#include <set>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/model/evaluate.h"
#include "apps/ssgan/model/losses.h"
#include "apps/ssgan/options.h"
#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "tensor/backend.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::ssgan;

namespace {

Tensor random_tensor(const Shape& shape, double low, double high, uint64_t seed,
                     DType dtype = DType::f64) {
  Tensor t(shape, dtype);
  backend(t).fill_uniform(Random(seed, Stream::data).next(), low, high, t);
  return t;
}

Options small(const std::string& name, int extra_class = 0, int image_size = 32) {
  Options o = preset(name);
  o.network.g_size_mult = 2;
  o.network.d_size_mult = 3;
  o.network.extra_class = extra_class;
  o.network.image_size = image_size;
  return o;
}

std::vector<int32_t> labels_of(int64_t n) {
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < n; ++i) labels.push_back(static_cast<int32_t>(i * 4 % 9 + 1));
  return labels;
}

/// Both networks in f64 with weights, and biases too, away from 0, and a batch for them.
struct Model {
  explicit Model(const Options& options, int64_t real = 4, int64_t noise = 5)
      : options(options),
        generator(network_of(options), DType::f64, kCpu),
        discriminator(network_of(options), DType::f64, kCpu),
        z(random_tensor({noise, kZSize}, -2, 2, 1)) {
    Random random(3, Stream::init);
    generator.initialize(random);
    discriminator.initialize(random);
    uint64_t seed = 10;
    for (Module* m : {static_cast<Module*>(&generator), static_cast<Module*>(&discriminator)})
      for (const auto& [name, p] : m->named_parameters())
        if (p->value().shape().rank() == 1) {
          const Var moved = Var(p->value()) + random_tensor(p->value().shape(), -0.2, 0.2, ++seed);
          p->copy_from(moved.value());
        }
    const int64_t side = options.network.image_size;
    batch.images = random_tensor({real, side, side, 3}, -1, 1, 2);
    batch.labels = Tensor::from(std::span<const int32_t>(labels_of(real)), {real});
    batch.label_mask = Tensor::full({real}, 1, DType::f64);
    batch.label_mask.mutable_span<double>()[1] = 0;
  }

  Pass training() {
    draws = Random(7);
    return Pass::training(draws).with(Statistics::batch);
  }
  ModelLoss loss(const Pass& pass) {
    return model_loss(pass, generator, discriminator, batch, z, options.zero_as);
  }
  std::vector<std::pair<std::string, Parameter*>> parameters() {
    auto all = generator.named_parameters();
    for (auto& [name, p] : all) name = "generator." + name;
    for (const auto& [name, p] : discriminator.named_parameters())
      all.emplace_back("discriminator." + name, p);
    return all;
  }
  /// d loss / d parameter, by name.
  std::map<std::string, std::vector<double>> gradients(const Pass& pass, const Var& loss) {
    std::map<std::string, std::vector<double>> found;
    std::vector<Parameter*> all;
    for (const auto& [name, p] : parameters()) all.push_back(p);
    const std::vector<Tensor> grads = pass.gradients(loss, all, true);
    size_t i = 0;
    for (const auto& [name, p] : parameters()) found[name] = grads[i++].to_vector<double>();
    return found;
  }

  Options options;
  Generator generator;
  Discriminator discriminator;
  Tensor z;
  Batch batch;
  Random draws{7};
};

/// Checks the gradients of `f`, which runs the model, towards every parameter and towards `extra`.
template <class F>
void check_gradients(Model& model, const char* what, const Tensor& extra, F f,
                     double floor = 1e-4) {
  const auto parameters = model.parameters();
  std::vector<Tensor> inputs;
  for (const auto& [name, p] : parameters) inputs.push_back(p->value());
  inputs.push_back(extra);
  const GradcheckResult r = gradcheck(
      [&](const std::vector<Var>& values) {
        const Pass pass = model.training();
        for (size_t i = 0; i < parameters.size(); ++i) pass.bind(*parameters[i].second, values[i]);
        return f(pass, values.back());
      },
      inputs, {.floor = floor, .coordinates = 2});
  INFO(what << ": " << r.worst << "; kinks " << r.kinks << " of " << r.checked + r.kinks);
  CHECK(r.ok);
  CHECK(r.worst_error <= 1e-6);
  CHECK(r.kinks < r.checked / 4);
}

void check_losses(const char* name, int extra_class) {
  INFO("preset " << name << ", extra_class " << extra_class);
  Model model(small(name, extra_class));
  const std::pair<const char*, Var ModelLoss::*> losses[] = {{"d_real", &ModelLoss::d_real},
                                                             {"d_fake", &ModelLoss::d_fake},
                                                             {"d_class", &ModelLoss::d_class},
                                                             {"d", &ModelLoss::d},
                                                             {"g", &ModelLoss::g}};
  for (const auto& [what, member] : losses)
    check_gradients(model, what, model.z, [&](const Pass& pass, const Var& z) {
      return model_loss(pass, model.generator, model.discriminator, model.batch, z,
                        model.options.zero_as).*
             member;
    });
}

double largest(const std::vector<double>& v) {
  double m = 0;
  for (const double x : v) m = std::max(m, std::abs(x));
  return m;
}

/// v [positions, channels] -> [channels].
std::vector<double> sum_over_positions(const std::vector<double>& v, size_t positions) {
  std::vector<double> sums(v.size() / positions);
  for (size_t i = 0; i < v.size(); ++i) sums[i % sums.size()] += v[i];
  return sums;
}

bool all_zero(const std::vector<double>& v) { return largest(v) == 0; }

int64_t count_parameters(Module& m) {
  int64_t n = 0;
  for (const Parameter* p : m.parameters()) n += p->value().count();
  return n;
}

/// The whole state after some steps, the last of each four on a partial batch.
}  // namespace

TEST_CASE("model: the class that is told is a real one, but in the tutorial's program") {
  for (const char* name : {"mended", "tutorial"}) {
    Model model(small(name, 1));
    // An image is more "generated" than any class.
    for (const auto& [parameter, p] : model.discriminator.named_parameters())
      if (parameter == "dense.bias") {
        Tensor bias = p->value().clone();
        bias.mutable_span<double>()[10] = 100;
        p->copy_from(bias);
      }
    const Predictions p =
        predict(model.discriminator, Tensor::full({3, 32, 32, 3}, 9, DType::u8), Statistics::batch);
    CHECK(p.classes == 11);
    CHECK((p.class_of(0) == 10) == (std::string(name) == "tutorial"));
  }
}

TEST_CASE("model: an eleventh class adds the loss of real images to that of the classes") {
  // log(sum of all) = log(sum of the real ones) + softplus(-gan_logit).
  Options o = small("mended", 1);
  Model real(o);
  o.network.scores_with_fake = true;
  Model all(o);
  std::vector<double> gan_logits;
  const Pass pass = real.training();
  pass.observe([&](const std::string& name, const Var& v) {
    if (name == "real.gan_logits") gan_logits = v.value().to_vector<double>();
  });
  const double of_classes = real.loss(pass).d_class.value().item();
  const auto mask = real.batch.label_mask.to_vector<double>();
  double more = 0, labelled = 0;
  for (size_t i = 0; i < mask.size(); ++i) {
    more += mask[i] * std::log1p(std::exp(-gan_logits[i]));
    labelled += mask[i];
  }
  const double of_all = all.loss(all.training()).d_class.value().item();
  CHECK(std::abs(of_all - (of_classes + more / labelled)) < 1e-12);
}

TEST_CASE("model: gradients of the tutorial's losses are the differences'") {
  REQUIRE(preset("tutorial").zero_as == ZeroAs::raw);
  for (const int extra_class : {0, 1}) check_losses("tutorial", extra_class);
}

TEST_CASE("model: gradients of the mended losses are the differences'") {
  REQUIRE(network_of(preset("mended")).drop_rate > 0);
  for (const int extra_class : {0, 1}) check_losses("mended", extra_class);
}

TEST_CASE("model: gradients of the networks' outputs are the differences'") {
  for (const char* name : {"tutorial", "mended"}) {
    Model model(small(name, 1));
    // Scaled as a mean, so that the sum's rounding stays below the differences.
    check_gradients(
        model, "generator", model.z,
        [&](const Pass& pass, const Var& z) {
          const Var images = model.generator(pass, z);
          return images / double(images.shape().count());
        },
        1e-3);
    check_gradients(
        model, "discriminator", model.batch.images.value(),
        [&](const Pass& pass, const Var& images) {
          const auto out = model.discriminator(pass, images);
          const auto flat = [](const Var& v) { return reshape(v, {v.shape().count()}); };
          return concat({flat(out.features), flat(out.class_logits), out.gan_logits}, 0) / 50;
        },
        1e-3);
  }
}

TEST_CASE("model: dropout acts in the checks, by fixed draws") {
  Model model(small("mended"));
  model.options.network.drop_rate = 0;
  Discriminator plain(model.options.network, DType::f64, kCpu);
  std::map<std::string, Tensor> weights;
  model.discriminator.save(weights, "");
  plain.load(weights, "");
  const auto features = [&](Discriminator& d) {
    return d(model.training(), model.batch.images).features.value().to_vector<double>();
  };
  CHECK(features(model.discriminator) == features(model.discriminator));
  CHECK(features(model.discriminator) != features(plain));
}

TEST_CASE("model: a labelled zero under the tutorial's labels pushes by softmax - 0") {
  Model model(small("tutorial"));
  const int64_t n = model.batch.labels.count();
  model.batch.labels = Tensor::full({n}, 10, DType::i32);
  model.batch.label_mask = Tensor::full({n}, 1, DType::f64);
  const Pass pass = model.training();
  std::vector<double> probabilities;
  pass.observe([&](const std::string& name, const Var& v) {
    if (name == "real.probabilities") probabilities = v.value().to_vector<double>();
  });
  const ModelLoss loss = model.loss(pass);
  CHECK(loss.d_class.value().item() == 0);
  CHECK(loss.correct.value().item() == 0);
  const auto grads = model.gradients(pass, loss.d_class);
  const std::vector<double>& of_bias = grads.at("discriminator.dense.bias");
  REQUIRE(of_bias.size() == 10);
  for (size_t c = 0; c < 10; ++c) {
    double softmax = 0;
    for (int64_t i = 0; i < n; ++i) softmax += probabilities[i * 10 + c] / double(n);
    CHECK(std::abs(of_bias[c] - softmax) < 1e-14);
  }
  CHECK_THROWS_AS(
      model_loss(pass, model.generator, model.discriminator,
                 {model.batch.images, Tensor::full({n}, 11, DType::i32), model.batch.label_mask},
                 model.z, ZeroAs::klass),
      ShapeError);
}

TEST_CASE("model: labels as classes") {
  const Tensor labels = Tensor::from({1, 9, 10, 5}, {4});
  CHECK(classes_of(labels, ZeroAs::raw).to_vector<int32_t>() == std::vector{1, 9, 10, 5});
  CHECK(classes_of(labels, ZeroAs::klass).to_vector<int32_t>() == std::vector{1, 9, 0, 5});
}

TEST_CASE("model: sizes of the tutorial's networks") {
  NetworkOptions o;
  Generator generator(o, DType::f32, kCpu);
  Discriminator printed(o, DType::f32, kCpu);
  CHECK(count_parameters(generator) == 465'795);
  CHECK(count_parameters(printed) == 594'570);
  o.keep_dead_layers = false;
  Discriminator live(o, DType::f32, kCpu);
  CHECK(count_parameters(live) == 446'602);
}

TEST_CASE("model: shapes from layer to layer") {
  Model model(small("tutorial", 1), 4, 5);
  std::map<std::string, Shape> shapes;
  const Pass pass = model.training();
  pass.observe([&](const std::string& name, const Var& v) { shapes[name] = v.shape(); });
  model.loss(pass);
  const std::map<std::string, Shape> expected = {
      {"generator.dense", {5, 128}},        {"generator.relu1", {5, 4, 4, 8}},
      {"generator.relu2", {5, 8, 8, 4}},    {"generator.relu3", {5, 16, 16, 2}},
      {"generator.logits", {5, 32, 32, 3}}, {"fake", {5, 32, 32, 3}},
      {"real.conv1", {4, 16, 16, 3}},       {"real.conv2", {4, 8, 8, 3}},
      {"real.conv3", {4, 4, 4, 3}},         {"real.conv4", {4, 4, 4, 6}},
      {"real.conv5", {4, 4, 4, 6}},         {"real.conv6", {4, 2, 2, 6}},
      {"real.conv7", {4, 2, 2, 6}},         {"real.features", {4, 6}},
      {"real.class_logits", {4, 11}},       {"real.gan_logits", {4}},
      {"fake.conv7", {5, 2, 2, 6}},         {"fake.gan_logits", {5}}};
  for (const auto& [name, shape] : expected) {
    INFO(name);
    CHECK(shapes[name] == shape);
  }
}

TEST_CASE("model: images of 64 pixels take a layer more in each network") {
  Model model(small("mended", 0, 64), 2, 3);
  std::map<std::string, Shape> shapes;
  const Pass pass = model.training();
  pass.observe([&](const std::string& name, const Var& v) { shapes[name] = v.shape(); });
  const auto grads = model.gradients(pass, model.loss(pass).d);
  const std::map<std::string, Shape> expected = {
      {"generator.dense", {3, 256}},       {"generator.relu0", {3, 4, 4, 16}},
      {"generator.relu1", {3, 8, 8, 8}},   {"generator.relu2", {3, 16, 16, 4}},
      {"generator.relu3", {3, 32, 32, 2}}, {"fake", {3, 64, 64, 3}},
      {"real.relu0", {2, 32, 32, 3}},      {"real.conv1", {2, 16, 16, 3}},
      {"real.conv7", {2, 2, 2, 6}},        {"real.class_logits", {2, 10}}};
  for (const auto& [name, shape] : expected) {
    INFO(name);
    CHECK(shapes[name] == shape);
  }
  CHECK(!all_zero(grads.at("discriminator.conv0.weight")));
  CHECK(!all_zero(model.gradients(pass, model.loss(pass).g).at("generator.deconv1.weight")));
}

TEST_CASE("model: dead layers get no gradient, biases before a batch norm next to none") {
  const std::set<std::string> dead = {"conv6.weight", "conv6.bias", "bn6.weight",
                                      "bn6.bias",     "bn2.weight", "bn2.bias"};
  const std::set<std::string> before_norm = {"generator.deconv2.bias", "generator.deconv3.bias",
                                             "discriminator.conv3.bias", "discriminator.conv4.bias",
                                             "discriminator.conv5.bias"};
  Model model(small("tutorial"));
  const Pass pass = model.training();
  const ModelLoss loss = model.loss(pass);
  for (const bool of_g : {false, true}) {
    const auto grads = model.gradients(pass, of_g ? loss.g : loss.d);
    double scale = 0;
    for (const auto& [name, g] : grads) scale = std::max(scale, largest(g));
    for (const auto& [name, g] : grads) {
      INFO((of_g ? "g: " : "d: ") << name);
      const bool is_dead = name.starts_with("discriminator.") && dead.contains(name.substr(14));
      // Feature matching reads the features, not the logits.
      if (is_dead || (of_g && name.starts_with("discriminator.dense")))
        CHECK(all_zero(g));
      else if (before_norm.contains(name))
        CHECK(largest(g) < 1e-12 * scale);
      else if (name == "generator.dense.bias")  // a bias a position, of which bn1 takes the mean
        CHECK(largest(sum_over_positions(g, 16)) < 1e-12 * scale);
      else
        CHECK(largest(g) > 1e-6 * scale);
    }
  }
}

TEST_CASE("model: a partial batch, with no label in it") {
  Model model(small("mended"), 3, 6);
  model.batch.label_mask = Tensor::zeros({3}, DType::f64);
  const Pass pass = model.training();
  std::vector<double> real, fake;
  pass.observe([&](const std::string& name, const Var& v) {
    if (name == "real.gan_logits") real = v.value().to_vector<double>();
    if (name == "fake.gan_logits") fake = v.value().to_vector<double>();
  });
  const ModelLoss loss = model.loss(pass);
  const auto mean_softplus = [](const std::vector<double>& v, double sign) {
    double sum = 0;
    for (const double x : v) sum += std::log1p(std::exp(sign * x));
    return sum / double(v.size());
  };
  REQUIRE(real.size() == 3);
  REQUIRE(fake.size() == 6);
  CHECK(std::abs(loss.d_real.value().item() - mean_softplus(real, -1)) < 1e-12);
  CHECK(std::abs(loss.d_fake.value().item() - mean_softplus(fake, 1)) < 1e-12);
  CHECK(loss.d_class.value().item() == 0);
  CHECK(loss.masked_correct.value().item() == 0);
  for (const auto& [name, g] : model.gradients(pass, loss.d_class)) CHECK(all_zero(g));
}
