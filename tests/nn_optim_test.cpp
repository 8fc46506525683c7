#include <cmath>

#include "autograd/ops.h"
#include "nn/clip.h"
#include "nn/layers.h"
#include "nn/moving_average.h"
#include "nn/optim.h"
#include "nn/schedule.h"
#include "nn/sequential.h"
#include "tests/catch.h"
#include "tests/message_of.h"
#include "tests/values.h"

using namespace gradus;

namespace {

/// Two parameters with values from a fixed seed.
struct Two : Module {
  explicit Two(DType dtype) : Module(dtype) {
    a.copy_from(random_tensor({3, 2}, dtype, 1));
    b.copy_from(random_tensor({4}, dtype, 2));
  }
  Parameter a{*this, "a", {3, 2}, constant(0)}, b{*this, "b", {4}, constant(0)};
};

/// The gradients of step t.
std::vector<Tensor> gradients(int t, DType dtype) {
  return {random_tensor({3, 2}, dtype, 10 + t), random_tensor({4}, dtype, 20 + t)};
}

std::vector<double> flat_gradients(int t, DType dtype) {
  std::vector<double> all;
  for (const Tensor& g : gradients(t, dtype))
    for (const double x : to_array(g).v) all.push_back(x);
  return all;
}

std::vector<double> flat(Two& m) {
  std::vector<double> all;
  for (const Parameter* p : m.parameters())
    for (const double x : to_array(p->value()).v) all.push_back(x);
  return all;
}

double rate(int t) { return 0.01 * t; }
Tensor rate_tensor(int t) { return Tensor::full({}, rate(t), DType::f64); }

Array as_array(const std::vector<double>& v) {
  Array a(Shape{int64_t(v.size())});
  a.v = v;
  return a;
}

}  // namespace

TEST_CASE("adam: five steps agree with the formulas for either epsilon", "[nn][optim]") {
  for (const DType dtype : {DType::f64, DType::f32})
    for (const bool epsilon_hat : {true, false})
      for (const double weight_decay : {0.0, 0.3}) {
        INFO(name(dtype) << " epsilon_hat " << epsilon_hat << " weight decay " << weight_decay);
        Two model(dtype);
        std::vector<double> w = flat(model), m(w.size()), v(w.size());
        Adam adam(model, {0.5, 0.99, 1e-2, epsilon_hat, weight_decay});
        for (int t = 1; t <= 5; ++t) {
          adam.step(gradients(t, dtype), rate_tensor(t));
          const std::vector<double> g = flat_gradients(t, dtype);
          for (size_t i = 0; i < w.size(); ++i) {
            w[i] -= rate(t) * weight_decay * w[i];
            m[i] = 0.5 * m[i] + 0.5 * g[i];
            v[i] = 0.99 * v[i] + 0.01 * g[i] * g[i];
            const double c1 = 1 - std::pow(0.5, t), c2 = 1 - std::pow(0.99, t);
            if (epsilon_hat)
              w[i] -= rate(t) * std::sqrt(c2) / c1 * m[i] / (std::sqrt(v[i]) + 1e-2);
            else
              w[i] -= rate(t) * (m[i] / c1) / (std::sqrt(v[i] / c2) + 1e-2);
          }
          CHECK(error_of(as_array(flat(model)), as_array(w)) <
                (dtype == DType::f64 ? 1e-14 : 1e-6));
        }
      }
}

TEST_CASE("adam: saved and loaded in the middle it goes on with the same bits", "[nn][optim]") {
  Two whole(DType::f32), half(DType::f32), rest(DType::f32);
  Adam adam(whole), before(half), after(rest);
  for (int t = 1; t <= 4; ++t) adam.step(gradients(t, DType::f32), rate_tensor(t));
  for (int t = 1; t <= 2; ++t) before.step(gradients(t, DType::f32), rate_tensor(t));
  std::map<std::string, Tensor> tensors;
  half.save(tensors, "model.");
  before.save(tensors, "adam.");
  CHECK(tensors.count("adam.m.a") + tensors.count("adam.v.b") + tensors.count("adam.t") == 3);
  CHECK(tensors.at("adam.t").item() == 2);
  rest.load(tensors, "model.");
  after.load(tensors, "adam.");
  for (int t = 3; t <= 4; ++t) after.step(gradients(t, DType::f32), rate_tensor(t));
  CHECK(flat(rest) == flat(whole));
  tensors.erase("adam.v.b");
  CHECK_THROWS_AS(after.load(tensors, "adam."), DataError);
}

TEST_CASE("sgd: steps with and without momentum", "[nn][optim]") {
  for (const double momentum : {0.0, 0.9}) {
    Two model(DType::f64);
    std::vector<double> w = flat(model), velocity(w.size());
    Sgd sgd(model, {momentum});
    for (int t = 1; t <= 5; ++t) {
      sgd.step(gradients(t, DType::f64), rate_tensor(t));
      const std::vector<double> g = flat_gradients(t, DType::f64);
      for (size_t i = 0; i < w.size(); ++i) {
        velocity[i] = momentum * velocity[i] + g[i];
        w[i] -= rate(t) * velocity[i];
      }
      CHECK(error_of(as_array(flat(model)), as_array(w)) < 1e-14);
    }
  }
}

TEST_CASE("rmsprop: steps with and without momentum", "[nn][optim]") {
  for (const DType dtype : {DType::f64, DType::f32})
    for (const double momentum : {0.0, 0.9}) {
      Two model(dtype);
      std::vector<double> w = flat(model), square(w.size()), velocity(w.size());
      RmsProp rmsprop(model, {0.9, 1e-2, momentum});
      for (int t = 1; t <= 5; ++t) {
        rmsprop.step(gradients(t, dtype), rate_tensor(t));
        const std::vector<double> g = flat_gradients(t, dtype);
        for (size_t i = 0; i < w.size(); ++i) {
          square[i] = 0.9 * square[i] + 0.1 * g[i] * g[i];
          velocity[i] = momentum * velocity[i] + g[i] / (std::sqrt(square[i]) + 1e-2);
          w[i] -= rate(t) * velocity[i];
        }
        CHECK(error_of(as_array(flat(model)), as_array(w)) < (dtype == DType::f64 ? 1e-14 : 1e-6));
      }
    }
}

TEST_CASE("optimizer: it saves the moments that it uses, and loads them", "[nn][optim]") {
  const auto names = [](const Optimizer& optimizer) {
    std::map<std::string, Tensor> tensors;
    optimizer.save(tensors, "");
    std::string all;
    for (const auto& [name, tensor] : tensors) all += name + " ";
    return all;
  };
  Two model(DType::f32);
  CHECK(names(Sgd(model)) == "t ");
  CHECK(names(Sgd(model, {0.9})) == "m.a m.b t ");
  CHECK(names(RmsProp(model)) == "t v.a v.b ");
  CHECK(names(RmsProp(model, {.momentum = 0.9})) == "m.a m.b t v.a v.b ");
  Sgd sgd(model, {0.9}), other(model, {0.9});
  sgd.step(gradients(1, DType::f32), rate_tensor(1));
  std::map<std::string, Tensor> saved, again;
  sgd.save(saved, "");
  other.load(saved, "");
  other.save(again, "");
  for (const auto& [name, tensor] : saved) CHECK(same_bits(again.at(name), tensor));
}

TEST_CASE("optimizer: the same bits for every number of threads", "[nn][optim]") {
  const UpdateFn updates[] = {AdamUpdate{.weight_decay = 0.1}, SgdUpdate{0.9},
                              RmsPropUpdate{.momentum = 0.9}, EmaUpdate{0.9}};
  for (const UpdateFn& update : updates)
    for (const DType dtype : {DType::f32, DType::f64}) {
      const auto with = [&](int threads) {
        const Threads scope(threads);
        const Shape shape{300001};
        std::vector<UpdateSlot> slots{
            {random_tensor(shape, dtype, 1), random_tensor(shape, dtype, 2),
             random_tensor(shape, dtype, 3), random_tensor(shape, dtype, 4, 0, 1)}};
        backend(kCpu).update(update, rate_tensor(1), Tensor::from({3}, {}), slots);
        return slots[0];
      };
      const UpdateSlot one = with(1), three = with(3);
      CHECK(same_bits(one.value, three.value));
      CHECK(same_bits(one.m, three.m));
      CHECK(same_bits(one.v, three.v));
    }
}

TEST_CASE("optimizer: gradients that do not fit are refused", "[nn][optim]") {
  Two model(DType::f32);
  Adam adam(model);
  const auto message = [&](const std::vector<Tensor>& g) -> std::string {
    try {
      adam.step(g, rate_tensor(1));
    } catch (const ShapeError& e) {
      return e.what();
    }
    return "nothing was thrown";
  };
  const auto g = gradients(1, DType::f32);
  CHECK(message({g[0]}) == "optimizer: 1 gradients for 2 parameters");
  CHECK(message({g[1], g[0]}) == "optimizer: gradient [4] for a parameter [3, 2]");
  CHECK_THROWS_WITH(adam.step(gradients(1, DType::f64), rate_tensor(1)),
                    "optimizer: gradient of f64 for a parameter of f32");
  CHECK_THROWS_WITH(adam.step(g, rate_tensor(1).to(DType::f32)),
                    "optimizer: the learning rate must be f64, got f32");
  CHECK_THROWS_WITH(adam.step(g, rate_tensor(1).reshape({1})),
                    "optimizer: the learning rate must be [], got [1]");
  CHECK(message(g) == "nothing was thrown");
}

TEST_CASE("optimizer: no gradient outlives the step", "[nn][optim]") {
  Two model(DType::f32);
  Adam adam(model);
  Sgd sgd(model);
  const auto g = gradients(1, DType::f32);
  adam.step(g, rate_tensor(1));
  sgd.step(g, rate_tensor(1));
  CHECK(g[0].unique());
}

TEST_CASE("clip: by global norm", "[nn][optim]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const std::vector<Tensor> g = {Tensor::from({3.0, 0.0, -4.0}, {3}).to(dtype),
                                   Tensor::from({12.0}, {1, 1}).to(dtype)};
    const auto [small, norm] = clip_by_global_norm(g, 6.5);
    CHECK(norm.item() == 13);
    CHECK(small.size() == 2);
    CHECK(to_array(small[0]).v == std::vector<double>{1.5, 0, -2});
    CHECK(to_array(small[1]).v == std::vector<double>{6});
    CHECK(small[1].shape() == Shape{1, 1});
    // At the limit and below it not a bit changes.
    for (const double limit : {13.0, 13.3, 1e6})
      CHECK(same_bits(clip_by_global_norm(g, limit).gradients[0], g[0]));
    CHECK(to_array(clip_by_global_norm({Tensor::zeros({2}, dtype)}, 1).gradients[0]).v ==
          std::vector<double>{0, 0});
  }
  // A norm that overflows must not pass for gradients of 0.
  const auto overflown = clip_by_global_norm({Tensor::from({1e30F, 1.F}, {2})}, 1);
  for (const double v : to_array(overflown.gradients[0]).v) CHECK(std::isnan(v));
  CHECK(message_of<Error>([] { return clip_by_global_norm({}, 1); }) ==
        "clip_by_global_norm: there are no gradients");
  CHECK(message_of<Error>([] {
          return clip_by_global_norm({Tensor::zeros({2}, DType::f32)}, 0);
        }) == "clip_by_global_norm: the norm must be positive, got 0");
}

TEST_CASE("clip: by value", "[nn][optim]") {
  const auto clipped = clip_by_value({Tensor::from({-2.0, -0.5, 0.5, 3.0}, {4})}, 0.75);
  CHECK(to_array(clipped.at(0)).v == std::vector<double>{-0.75, -0.5, 0.5, 0.75});
  CHECK(message_of<Error>([] { return clip_by_value({}, -1); }) ==
        "clip_by_value: the limit must be positive, got -1");
}

TEST_CASE("moving average: updates, swaps and a state that a module loads", "[nn][optim]") {
  Two model(DType::f64);
  std::vector<double> expected = flat(model);
  ExponentialMovingAverage average(model, 0.75);
  Sgd sgd(model);
  for (int t = 1; t <= 4; ++t) {
    sgd.step(gradients(t, DType::f64), rate_tensor(t));
    average.update();
    const std::vector<double> w = flat(model);
    for (size_t i = 0; i < w.size(); ++i) expected[i] = 0.75 * expected[i] + 0.25 * w[i];
  }
  const std::vector<double> weights = flat(model);
  std::map<std::string, Tensor> state;
  average.save(state, "ema.");
  Two loaded(DType::f64);
  loaded.load(state, "ema.");
  CHECK(error_of(as_array(flat(loaded)), as_array(expected)) < 1e-15);
  CHECK(flat(model) == weights);

  average.swap();
  CHECK(flat(model) == flat(loaded));
  average.swap();
  CHECK(flat(model) == weights);

  Two other(DType::f64);
  ExponentialMovingAverage resumed(other, 0.75);
  resumed.load(state, "ema.");
  CHECK(flat(other) != flat(loaded));
  resumed.swap();
  CHECK(flat(other) == flat(loaded));
  CHECK(message_of<Error>([&] { return ExponentialMovingAverage(model, 1); }) ==
        "moving average: the decay must lie in [0, 1), got 1");
}

TEST_CASE("moving average: in another module, quick at the start", "[nn][optim]") {
  Two model(DType::f64), own(DType::f64);
  ExponentialMovingAverage average(model, 0.3, own);
  CHECK(flat(own) == flat(model));
  std::vector<double> expected = flat(model);
  Sgd sgd(model);
  for (int t = 0; t < 5; ++t) {
    sgd.step(gradients(t + 1, DType::f64), rate_tensor(t + 1));
    average.update(t);
    const double decay = std::min(0.3, (1. + t) / (10. + t));
    const std::vector<double> w = flat(model);
    for (size_t i = 0; i < w.size(); ++i) expected[i] = decay * expected[i] + (1 - decay) * w[i];
  }
  CHECK(error_of(as_array(flat(own)), as_array(expected)) < 1e-15);
  Module other(DType::f64);
  CHECK(message_of<Error>([&] { return ExponentialMovingAverage(model, 0.3, other); }) ==
        "moving average: 0 parameters in one of 2");
}

TEST_CASE("moving average: buffers are saved as they are", "[nn][optim]") {
  Module root;
  BatchNorm norm(root, "norm", {.channels = 2});
  ExponentialMovingAverage average(root, 0.5);
  norm.named_buffers()[0].second->copy_from(Tensor::full({2}, 3, DType::f32));
  std::map<std::string, Tensor> state;
  average.save(state, "");
  CHECK(state.size() == 4);
  CHECK(to_array(state.at("norm.running_mean")).v == std::vector<double>{3, 3});
}

TEST_CASE("schedule: start, middle and end", "[nn][optim]") {
  using Kind = Schedule::Kind;
  const auto near = [](double a, double b) { return std::abs(a - b) <= 1e-15; };
  const Schedule constant{Kind::constant, 2e-4};
  CHECK(constant.at(0, 100) == 2e-4);
  CHECK(constant.at(100, 100) == 2e-4);
  const Schedule exponential{Kind::exponential, 1e-3, 0.01};
  CHECK(exponential.at(0, 100) == 1e-3);
  CHECK(near(exponential.at(50, 100), 1e-4));
  CHECK(near(exponential.at(100, 100), 1e-5));
  const Schedule linear{Kind::linear, 1e-3, 0.2, 0.5};
  CHECK(linear.at(0, 100) == 1e-3);
  CHECK(linear.at(50, 100) == 1e-3);
  CHECK(near(linear.at(75, 100), 0.6e-3));
  CHECK(near(linear.at(100, 100), 0.2e-3));
  CHECK(near(linear.at(150, 100), 0.2e-3));
  const Schedule cosine{Kind::cosine, 1e-3, 0.1};
  CHECK(near(cosine.at(0, 100), 1e-3));
  CHECK(near(cosine.at(50, 100), 0.55e-3));
  CHECK(near(cosine.at(100, 100), 0.1e-3));
  const Schedule staircase{Kind::staircase, 1e-3, 0.9, 0, 10};
  CHECK(staircase.at(0, 100) == 1e-3);
  CHECK(staircase.at(9, 100) == 1e-3);
  CHECK(near(staircase.at(10, 100), 0.9e-3));
  CHECK(near(staircase.at(29, 100), 0.81e-3));
  for (const char* kind : {"constant", "exponential", "linear", "cosine", "staircase"})
    CHECK(to_string(schedule_kind(kind)) == kind);
  CHECK_THROWS_WITH(schedule_kind("stairs"),
                    "schedule stairs: expected constant, exponential, linear, cosine or staircase");
}

TEST_CASE("nn: a small network learns exclusive or and does so with the same bits twice", "[nn]") {
  const Tensor x = Tensor::from({0.F, 0.F, 0.F, 1.F, 1.F, 0.F, 1.F, 1.F}, {4, 2});
  const Tensor labels = Tensor::from({0.F, 1.F, 1.F, 0.F}, {4, 1});
  const auto learn = [&] {
    Module root;
    Sequential net(root, "net");
    net.add<Linear>("hidden", Linear::Options{2, 8})
        .add([](const Var& v) { return tanh(v); })
        .add<Linear>("out", Linear::Options{8, 1});
    Random init(1, Stream::init), random(1);
    root.initialize(init);
    Adam adam(root);
    const Tensor lr = Tensor::full({}, 0.05, DType::f64);
    std::vector<double> losses;
    for (int step = 0; step < 300; ++step) {
      const Pass pass = Pass::training(random);
      const Var loss = mean(sigmoid_cross_entropy(net(pass, x), labels));
      adam.step(pass.gradients(loss, root.parameters()), lr);
      losses.push_back(loss.value().item());
    }
    const Tensor p = sigmoid(net(Pass::evaluation(Statistics::running), x)).value();
    return std::pair(losses, to_array(p).v);
  };
  const auto [losses, p] = learn();
  CHECK(losses.front() > 0.5);
  CHECK(losses.back() < 0.05);
  CHECK(p[0] < 0.1);
  CHECK(p[1] > 0.9);
  CHECK(p[2] > 0.9);
  CHECK(p[3] < 0.1);
  CHECK(learn() == std::pair(losses, p));
}
