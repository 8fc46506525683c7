#include "nn/summary.h"

#include <nlohmann/json.hpp>

#include "autograd/ops.h"
#include "nn/layers.h"
#include "nn/weight_norm.h"
#include "tests/catch.h"
#include "tests/program.h"

using namespace gradus;

namespace {

struct Net : Module {
  Net() : Module(DType::f64) {}
  Conv2d read{*this, "read", {.in = 2, .out = 3}};
  Conv2d dead{*this, "dead", {.in = 3, .out = 1, .stride = 2}};
  BatchNorm norm{*this, "norm", {.channels = 3}};
  ConvTranspose2d grow{*this, "grow", {.in = 3, .out = 4, .kernel = 5, .stride = 2}};
  Linear unused{*this, "unused", {.in = 7, .out = 2}};
  Linear out{*this, "out", {.in = 4, .out = 6}};
};

/// A layer of `ssgan summary --json`.
nlohmann::json layer(const nlohmann::json& network, const std::string& name) {
  for (const auto& row : network.at("layers"))
    if (row.at("name") == name) return row;
  return {};
}

nlohmann::json summary(const std::string& flags) {
  const ProgramResult r = run_program("summary --json " + flags);
  INFO(r.err);
  REQUIRE(r.status == 0);
  return nlohmann::json::parse(r.out);
}

}  // namespace

TEST_CASE("summary: layers as the tape has them") {
  Net net;
  Random random(1);
  const Pass pass = Pass::training(random);
  const Var x = net.read(pass, Tensor::zeros({5, 8, 8, 2}, DType::f64));
  static_cast<void>(net.dead(pass, x));
  const Var y = net.grow(pass, net.norm(pass, x));
  const std::vector<Var> losses{sum(net.out(pass, mean(y, {1, 2})))};
  const auto layers = summarize(net, pass, losses);
  std::vector<std::string> names;
  for (const LayerSummary& l : layers) names.push_back(l.name);
  REQUIRE(names == std::vector<std::string>{"read", "dead", "norm", "grow", "out", "unused"});
  const auto check = [&](size_t i, const char* operation, const Shape& output, int64_t parameters,
                         int64_t multiply_adds, bool reaches) {
    INFO(names[i]);
    CHECK(layers[i].operation == operation);
    CHECK(layers[i].output == output);
    CHECK(layers[i].parameters == parameters);
    CHECK(layers[i].multiply_adds == multiply_adds);
    CHECK(layers[i].reaches_loss == reaches);
  };
  check(0, "conv2d", {5, 8, 8, 3}, 3 * 9 * 2 + 3, 5 * 64 * 9 * 2 * 3, true);
  check(1, "conv2d", {5, 4, 4, 1}, 9 * 3 + 1, 5 * 16 * 9 * 3, false);
  check(2, "batch_norm", {5, 8, 8, 3}, 6, 0, true);
  check(3, "conv_transpose2d", {5, 16, 16, 4}, 3 * 25 * 4 + 4, 5 * 64 * 25 * 3 * 4, true);
  check(4, "matmul", {5, 6}, 4 * 6 + 6, 5 * 4 * 6, true);
  check(5, "", {}, 7 * 2 + 2, 0, false);
  CHECK_THROWS_AS(summarize(net, Pass::evaluation(Statistics::batch), losses), TapeError);
  const Pass other = Pass::training(random);  // whose transposed convolution reads a constant
  const std::vector<Var> grown{sum(net.grow(other, Tensor::zeros({1, 2, 2, 3}, DType::f64)))};
  CHECK_THROWS_AS(summarize(net, other, grown), TapeError);
}

TEST_CASE("summary: a layer that makes its weights is shown by what applies them") {
  struct Normed : Module {
    Normed() : Module(DType::f64) {}
    WeightNorm<Conv2d> conv{*this, "conv", Conv2dOptions{.in = 2, .out = 3}};
    WeightNorm<ConvTranspose2d> up{*this, "up", Conv2dOptions{.in = 3, .out = 4, .stride = 2}};
    LayerNorm norm{*this, "norm", {.shape = {4}}};
    WeightNorm<Linear> out{*this, "out", Linear::Options{.in = 4, .out = 6}};
  } net;
  Random random(1);
  net.initialize(random);
  const Pass pass = Pass::training(random);
  const Var x = net.conv(pass, Tensor::zeros({5, 8, 8, 2}, DType::f64));
  const Var y = net.norm(pass, net.up(pass, x));
  const std::vector<Var> losses{sum(net.out(pass, mean(y, {1, 2})))};
  const auto layers = summarize(net, pass, losses);
  REQUIRE(layers.size() == 4);
  const auto check = [&](size_t i, const char* name, const char* operation, const Shape& output,
                         int64_t parameters, int64_t multiply_adds) {
    INFO(name);
    CHECK(layers[i].name == name);
    CHECK(layers[i].operation == operation);
    CHECK(layers[i].output == output);
    CHECK(layers[i].parameters == parameters);
    CHECK(layers[i].multiply_adds == multiply_adds);
    CHECK(layers[i].reaches_loss);
  };
  check(0, "conv", "conv2d", {5, 8, 8, 3}, 3 * 9 * 2 + 3 + 3, 5 * 64 * 9 * 2 * 3);
  check(1, "up", "conv_transpose2d", {5, 16, 16, 4}, 3 * 9 * 4 + 4 + 4, 5 * 64 * 9 * 3 * 4);
  check(2, "norm", "layer_norm", {5, 16, 16, 4}, 8, 0);
  check(3, "out", "matmul", {5, 6}, 4 * 6 + 6 + 6, 5 * 4 * 6);
}

TEST_CASE("summary: the tutorial's networks") {
  const auto s = summary("--preset tutorial");
  const auto& g = s.at("generator");
  const auto& d = s.at("discriminator");
  CHECK(g.at("parameters") == 465'795);
  CHECK(g.at("dead_parameters") == 0);
  CHECK(g.at("multiply_adds") == 7'372'800);
  CHECK(d.at("parameters") == 594'570);
  CHECK(d.at("dead_parameters") == 147'968);
  CHECK(d.at("multiply_adds").get<int64_t>() - d.at("dead_multiply_adds").get<int64_t>() ==
        7'521'536);
  const auto parameters = [](const nlohmann::json& network, const char* name, int64_t n) {
    INFO(name);
    CHECK(layer(network, name).at("parameters") == n);
  };
  parameters(g, "dense", 206'848);
  parameters(g, "deconv2", 204'864);
  parameters(g, "deconv3", 51'232);
  parameters(g, "deconv4", 2'403);
  parameters(d, "conv1", 1'792);
  parameters(d, "conv4", 73'856);
  parameters(d, "conv7", 147'584);
  parameters(d, "dense", 1'290);
  CHECK(layer(g, "deconv3").at("output") == nlohmann::json{16, 16, 32});
  CHECK(layer(d, "conv7").at("output") == nlohmann::json{2, 2, 128});
  for (const auto& row : d.at("layers")) {
    const std::string name = row.at("name");
    INFO(name);
    const bool dead = name == "bn2" || name == "conv6" || name == "bn6";
    CHECK(row.at("reaches_loss") == !dead);
  }
}

TEST_CASE("summary: the mended networks have no dead layers") {
  const auto d = summary("").at("discriminator");
  CHECK(d.at("dead_parameters") == 0);
  CHECK(d.at("parameters") == 446'602 + 128);  // bn2, which is read here
  CHECK(summary("--extra-class 1").at("discriminator").at("parameters") == 446'602 + 128 + 129);
  const ProgramResult text = run_program("summary --preset tutorial");
  CHECK_THAT(text.out, ContainsSubstring("conv6    conv2d             [2, 2, 128]       147,584"
                                         "       589,824   no\n") &&
                           ContainsSubstring("dead"));
}
