#include "tensor/scope.h"

#include "autograd/ops.h"
#include "nn/layers.h"
#include "nn/sequential.h"
#include "tests/catch.h"
#include "tests/emulation/emulated.h"
#include "tests/message_of.h"

using namespace gradus;
using cuda::emulation::emulated;
using cuda::emulation::kEmulated;

TEST_CASE("scope: names from the outermost on", "[scope]") {
  CHECK(Scope::path().empty());
  {
    const Scope outer(kCpu, "step");
    const Scope inner(kCpu, "conv2");
    CHECK(Scope::path() == "step: conv2");
  }
  CHECK(Scope::path().empty());
}

TEST_CASE("scope: a device sees a range for each layer, each gradient and each kernel", "[scope]") {
  emulated();
  Random random(1, Stream::train);
  Module root(DType::f32, kEmulated);
  Linear layer(root, "dense", {2, 3});
  const Pass pass = Pass::training(random);
  const Var x = Tensor::zeros({4, 2}, DType::f32, kEmulated);
  emulated().take_ranges();
  const Var loss = mean(tanh(layer(pass.named("real."), x)), {0, 1});
  CHECK(emulated().take_ranges() ==
        std::vector<std::string>{"real.dense", "  matmul", "  binary", "unary", "reduce"});
  static_cast<void>(pass.gradients(loss, layer.parameters()));
  const std::vector<std::string> ranges = emulated().take_ranges();
  CHECK(std::ranges::count(ranges, "gradient of tanh") == 1);
  CHECK(std::ranges::count(ranges, "gradient of real.dense: matmul") == 1);
}

TEST_CASE("scope: a value that was pending has its layer's name", "[scope]") {
  emulated();
  Module root(DType::f32, kEmulated);
  Sequential net(root, "net");
  net.add<Conv2d>("conv", Conv2dOptions{.in = 1, .out = 1}).add([](const Var& x) {
    return relu(x);
  });
  const Var x = Tensor::zeros({1, 3, 3, 1}, DType::f32, kEmulated);
  emulated().take_ranges();
  const Var y = net(Pass::evaluation(Statistics::batch).named("real."), x);
  y.value();  // which runs the convolution, outside of both layers' calls
  CHECK(emulated().take_ranges() ==
        std::vector<std::string>{"real.net", "  real.conv", "real.net: real.conv", "  conv"});
}

TEST_CASE("scope: out of memory says for what", "[scope]") {
  Random random(1, Stream::train);
  Module root;
  Linear layer(root, "dense", {1, 1 << 22});
  const Var x = Tensor::zeros({1 << 22, 1}, DType::f32);
  const auto run = [&] { return layer(Pass::evaluation(Statistics::batch).named("real."), x); };
  CHECK(message_of<DeviceError>(run).starts_with(
      "cpu: out of memory for 70368744177664 bytes for real.dense: matmul; live "));
  CHECK(Scope::path().empty());
}

TEST_CASE("scope: out of memory names an operation outside any layer", "[scope]") {
  const Var row = Tensor::zeros({1, 1 << 22}, DType::f32),
            column = row.value().reshape({1 << 22, 1});
  const auto what = [](const auto& run) {
    const std::string message = message_of<DeviceError>(run);
    const size_t begin = message.find("bytes for ") + 10;
    return message.substr(begin, message.find(';') - begin);
  };
  CHECK(what([&] { return column + row; }) == "add");
  CHECK(what([&] { return matmul(column, row); }) == "matmul");
  const Var image = Tensor::zeros({1, 1 << 11, 1 << 11, 1}, DType::f32),
            filters = Tensor::zeros({1 << 22, 1, 1, 1}, DType::f32);
  CHECK(what([&] { return conv2d(image, filters, {}).value(); }) == "conv2d");
}
