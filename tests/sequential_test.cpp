#include "nn/sequential.h"

#include "autograd/ops.h"
#include "nn/optim.h"
#include "tests/catch.h"
#include "tests/emulation/emulated.h"
#include "tests/message_of.h"
#include "tests/values.h"

using namespace gradus;

namespace {

Sequential mlp() {
  return {Linear{2, 3}, relu, LayerNorm{{.shape = {3}}}, [](const Var& x) { return 2 * x; },
          Linear{3, 1}};
}

std::vector<std::string> names_of(const Module& module) {
  std::vector<std::string> names;
  for (const auto& [name, p] : module.named_parameters()) names.push_back(name);
  return names;
}

struct Pair : Module {
  Linear first{*this, "first", {2, 2}};
  BatchNorm second{*this, "second", {2}};
};

}  // namespace

TEST_CASE("sequential: layers and functions as they are", "[nn]") {
  Sequential net = mlp();
  CHECK(names_of(net) ==
        std::vector<std::string>{"0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"});
  Random random(1);
  net.initialize(random);
  const Tensor x = random_tensor({5, 2}, DType::f32, 2);
  const auto p = net.parameters();
  const auto value = [&](int i) { return Var(p[i]->value()); };
  const Var h = relu(matmul(x, value(0), {.b = true}) + value(1));
  const Var expected =
      matmul(2 * layer_norm(h, value(2), value(3), 1e-5), value(4), {.b = true}) + value(5);
  CHECK(same_bits(net(Pass::evaluation(Statistics::running), x).value(), expected.value()));
}

TEST_CASE("layer: a const model computes the same, and training moves its running statistics",
          "[nn]") {
  Pair net;
  Random random(1);
  net.initialize(random);
  const Pair& fixed = net;
  const Tensor x = random_tensor({5, 2}, DType::f32, 2);
  const Pass evaluation = Pass::evaluation(Statistics::running);
  const Tensor before = fixed.second(evaluation, fixed.first(evaluation, x)).value();
  CHECK(same_bits(before, net.second(evaluation, net.first(evaluation, x)).value()));
  const Pass training = Pass::training(random);
  static_cast<void>(fixed.second(training, fixed.first(training, x)));
  CHECK_FALSE(same_bits(before, fixed.second(evaluation, fixed.first(evaluation, x)).value()));
  const Sequential model = mlp();
  CHECK(model(evaluation, x).shape() == Shape{5, 1});
}

TEST_CASE("sequential: a part takes its module's dtype, and trains", "[nn]") {
  Module root(DType::f64);
  Sequential net(root, "net", {Linear{1, 4}, tanh, Linear{4, 1}});
  CHECK(names_of(root).front() == "net.0.weight");
  Random random(1);
  root.initialize(random);
  Adam adam(root);
  const Var x = random_tensor({20, 1}, DType::f64, 3);
  double first = 0, last = 0;
  for (int step = 0; step < 200; ++step) {
    const Pass pass = Pass::training(random);
    const Var error = net(pass, x) - x * x;
    const Var loss = mean(error * error);
    adam.step(pass.gradients(loss, root.parameters()), 0.02);
    (step ? last : first) = loss.value().item();
  }
  CHECK(last < 0.1 * first);
}

TEST_CASE("sequential: what belongs to another module is refused", "[nn]") {
  Pair pair;
  Sequential net{Linear{2, 2}};
  CHECK(message_of<Error>([&] { net.add(std::move(pair.first)); }) ==
        "module: 1 is a part of another module already");
}

TEST_CASE("modules: parts follow where their module moves to", "[nn]") {
  Pair a;
  Random random(4);
  a.initialize(random);
  std::map<std::string, Tensor> before, after;
  a.save(before, "");
  const Pair b = std::move(a);
  b.save(after, "");
  CHECK(names_of(b) ==
        std::vector<std::string>{"first.weight", "first.bias", "second.weight", "second.bias"});
  CHECK(a.parameters().empty());
  CHECK(after.size() == 6);
  for (const auto& [name, t] : before) CHECK(same_bits(t, after.at(name)));
}

TEST_CASE("modules: frozen parameters stay as they are", "[nn]") {
  Pair net;
  Random random(4);
  net.initialize(random);
  net.first.freeze();
  CHECK(net.parameters().size() == 2);
  CHECK(net.named_parameters().size() == 4);
  const Tensor kept = net.first.weight().value().clone();
  Adam adam(net);
  const Pass pass = Pass::training(random);
  const Var y = net.second(pass, net.first(pass, random_tensor({6, 2}, DType::f32, 1)));
  adam.step(pass.gradients(sum(y * y), net.parameters()), 0.1);
  CHECK(same_bits(net.first.weight().value(), kept));
  CHECK(net.parameters()[0]->value().to_vector<float>()[0] != 1);
  net.freeze(false);
  CHECK(net.parameters().size() == 4);
}

TEST_CASE("modules: to another device or dtype and back", "[nn]") {
  cuda::emulation::emulated();
  Sequential net = mlp();
  Random random(1);
  net.initialize(random);
  const Tensor x = random_tensor({5, 2}, DType::f32, 2);
  const Pass pass = Pass::evaluation(Statistics::running);
  const Tensor here = net(pass, x).value();
  net.to(cuda::emulation::kEmulated);
  CHECK(net.device() == cuda::emulation::kEmulated);
  CHECK(error_of(to_array(net(pass, x.to(cuda::emulation::kEmulated)).value()), to_array(here)) <
        1e-6);
  net.to(kCpu);
  net.to(DType::f64);
  CHECK(error_of(to_array(net(pass, x.to(DType::f64)).value()), to_array(here)) < 1e-6);
  CHECK(message_of<TypeError>([&] { net.to(DType::i32); }) ==
        "module: it can be f32 or f64, not i32");
  Pair pair;
  CHECK(message_of<Error>([&] { pair.first.to(DType::f64); }) ==
        "module: a part has its module's dtype; convert that");
  CHECK(message_of<Error>([&] { pair.first.to(kCpu); }) ==
        "module: a part lies where its module does; move that");
}

TEST_CASE("modules: as text", "[nn]") {
  Pair pair;
  pair.second.freeze();
  CHECK(to_string(pair) ==
        "first: weight [2, 2] bias [2]\n"
        "second: weight [2] frozen bias [2] frozen running_mean [2] kept "
        "running_variance [2] kept\n"
        "10 parameters, 4 of them frozen");
}
