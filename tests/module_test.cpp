#include "nn/module.h"

#include <memory>
#include <optional>

#include "autograd/dropout.h"
#include "nn/layers.h"
#include "nn/moving_average.h"
#include "nn/optim.h"
#include "nn/sequential.h"
#include "nn/weight_norm.h"
#include "tests/catch.h"
#include "tests/emulation/emulated.h"
#include "tests/message_of.h"
#include "tests/values.h"

// What a module's parts may not do: have others' names, change their tensors, outlive their places.

using namespace gradus;

namespace {

// Neither a parameter's tensor nor a buffer's can be replaced by another, or written past the
// count.
template <class P>
concept CanReplace = requires(P& p, Tensor t) {
  p.value() = t;
};
template <class P>
concept CanWrite = requires(P& p) {
  p.value().mutable_raw();
}
|| requires(P& p, Tensor t) { p.value().copy_from(t); };
static_assert(!CanReplace<Parameter> && !CanReplace<Buffer>);
static_assert(!CanWrite<Parameter> && !CanWrite<Buffer>);

std::vector<std::string> names_of(Module& m) {
  std::vector<std::string> names;
  for (const auto& [name, p] : m.named_parameters()) names.push_back(name);
  for (const auto& [name, b] : m.named_buffers()) names.push_back(name);
  return names;
}

const std::vector<std::string> kLinear = {"fc.weight", "fc.bias"};
const Linear::Options kSizes{.in = 2, .out = 3};

}  // namespace

TEST_CASE("module: copy_from changes a parameter's elements, and keeps its bytes", "[nn]") {
  Module net;
  Linear fc(net, "fc", kSizes);
  const Tensor before = fc.weight().value();
  fc.weight().copy_from(Tensor::full({3, 2}, 7, DType::f32));
  CHECK(before.to_vector<float>() == std::vector<float>(6, 7));
  CHECK(message_of<ShapeError>([&] {
          fc.weight().copy_from(Tensor::zeros({2, 3}, DType::f32));
        }) == "copy: [2, 3] into [3, 2]");
  CHECK(message_of<TypeError>([&] {
          fc.weight().copy_from(Tensor::zeros({3, 2}, DType::f64));
        }) == "copy: f64 into f32");
}

TEST_CASE("module: an initializer fills the tensor and does not replace it", "[nn]") {
  Module net;
  Parameter p(net, "p", {2}, [](Tensor& y, auto...) { y = Tensor::zeros({5}, DType::f32); });
  Random random(1);
  CHECK(message_of<Error>([&] { net.initialize(random); }) ==
        "initialize: an initializer fills the tensor that it is given; this one has replaced it");
  CHECK(p.value().shape() == Shape{2});
}

TEST_CASE("module: no two parts of one name, and none without a name", "[nn]") {
  struct Own : Module {
    Own(Module& parent, const std::string& name) : Module(parent, name) {}
    Parameter weight{*this, "weight", {1}, constant(0)};
    Buffer mean{*this, "mean", {1}, 0};
    Linear fc{*this, "fc", kSizes};
  };
  Module root;
  Own own(root, "own");
  const std::function<void(const std::string&)> add[] = {
      [&](auto& name) { Parameter(own, name, {1}, constant(0)); },
      [&](auto& name) { Buffer(own, name, {1}, 0); },
      [&](auto& name) { Linear(own, name, kSizes); }, [&](auto& name) { Sequential(own, name); },
      [&](auto& name) { WeightNorm<Linear>(own, name, kSizes); }};
  for (const auto& make : add) {
    for (const std::string taken : {"weight", "mean", "fc"})
      CHECK(message_of<Error>([&] { make(taken); }) ==
            "module: it has a part named " + taken + " already");
    for (const std::string bad : {"", "a.b", "."})
      CHECK(message_of<Error>([&] { make(bad); }) ==
            "module: a part's name is not empty and has no dot, unlike \"" + bad + "\"");
    make("other");
    make("other");  // the first has ended
  }
  CHECK(names_of(root) ==
        std::vector<std::string>{"own.weight", "own.fc.weight", "own.fc.bias", "own.mean"});
  std::map<std::string, Tensor> saved;
  root.save(saved, "");
  CHECK(saved.size() == 4);
  Sequential layers(root, "layers");
  layers.add<Linear>("0", kSizes);
  CHECK(message_of<Error>([&] { layers.add<Linear>("0", kSizes); }) ==
        "module: it has a part named 0 already");
}

TEST_CASE("module: a part that ends leaves its parent, and may be made anew", "[nn]") {
  Module root;
  std::optional<Linear> fc(std::in_place, root, "fc", kSizes);
  CHECK(names_of(root) == kLinear);
  fc.emplace(root, "fc", Linear::Options{.in = 4, .out = 5});
  CHECK(names_of(root) == kLinear);
  CHECK(root.parameters()[0]->value().shape() == Shape{5, 4});
  fc.reset();
  CHECK(names_of(root).empty());
  auto norm = std::make_unique<BatchNorm>(root, "norm", BatchNorm::Options{.channels = 3});
  CHECK(names_of(root).size() == 4);
  norm = nullptr;
  norm = std::make_unique<BatchNorm>(root, "norm", BatchNorm::Options{.channels = 2});
  std::map<std::string, Tensor> saved;
  root.save(saved, "");
  CHECK(saved.at("norm.running_mean").shape() == Shape{2});
  std::optional<Parameter> p(std::in_place, root, "p", Shape{1}, constant(0));
  p.emplace(root, "p", Shape{2}, constant(0));
  CHECK(root.parameters()[0] == &*p);
  // One that fails half-way leaves nothing behind.
  CHECK_THROWS_AS(Conv2d(root, "conv", {.in = 3, .out = 2, .groups = 2}), ShapeError);
  struct Fails : Module {
    explicit Fails(Module& parent) : Module(parent, "fails") { throw Error("on purpose"); }
    Linear fc{*this, "fc", kSizes};
  };
  CHECK_THROWS_AS(Fails(root), Error);
  CHECK(names_of(root) == std::vector<std::string>{"p", "norm.weight", "norm.bias",
                                                   "norm.running_mean", "norm.running_variance"});
}

TEST_CASE("module: a part may outlive its parent", "[nn]") {
  auto parent = std::make_unique<Module>();
  auto fc = std::make_unique<Linear>(*parent, "fc", kSizes);
  auto p = std::make_unique<Parameter>(*parent, "p", Shape{1}, constant(0));
  auto b = std::make_unique<Buffer>(*parent, "b", Shape{1}, 0);
  parent = nullptr;
  CHECK(fc->named_parameters().size() == 2);
  CHECK(p->value().count() + b->value().count() == 2);
}

TEST_CASE("optimiser: a module whose parameters are others is an error", "[nn][optim]") {
  Module root;
  std::optional<Linear> fc(std::in_place, root, "fc", kSizes);
  Adam adam(root);
  ExponentialMovingAverage average(root, 0.5);
  const Tensor lr = Tensor::full({}, 0.1, DType::f64);
  const auto zeros = [&] {
    std::vector<Tensor> all;
    for (const Parameter* p : root.parameters()) all.push_back(p->value().clone());
    return all;
  };
  adam.step(zeros(), lr);
  average.update();
  const auto check = [&] {
    const std::string what = ": the module's parameters are not those that it was made with";
    CHECK(message_of<Error>([&] { adam.step(zeros(), lr); }) == "optimizer" + what);
    CHECK(message_of<Error>([&] { average.update(); }) == "moving average" + what);
    CHECK(message_of<Error>([&] { average.swap(); }) == "moving average" + what);
  };
  fc.emplace(root, "fc", kSizes);
  check();
  fc.reset();
  fc.emplace(root, "fc2", kSizes);
  check();
}

TEST_CASE("optimiser: a learning rate or gradient on another device", "[nn][optim]") {
  cuda::emulation::emulated();
  const Device there = cuda::emulation::kEmulated;
  for (const Device device : {kCpu, there}) {
    const Device other = device == there ? kCpu : there;
    Module root(DType::f32, device);
    Linear fc(root, "fc", kSizes);
    const std::vector<Tensor> before = {fc.weight().value().clone(), fc.bias().value().clone()};
    Sgd sgd(root);
    const Tensor lr = Tensor::full({}, 0.1, DType::f64, device);
    std::vector<Tensor> gradients = {Tensor::full({3, 2}, 1, DType::f32, device),
                                     Tensor::full({3}, 1, DType::f32, device)};
    CHECK(message_of<DeviceError>([&] { sgd.step(gradients, lr.to(other)); }) ==
          fmt::format("optimizer: the learning rate is on {}, the parameters on {}",
                      to_string(other), to_string(device)));
    gradients[1] = gradients[1].to(other);
    CHECK(message_of<DeviceError>([&] { sgd.step(gradients, lr); }) ==
          fmt::format("optimizer: gradient on {} for a parameter on {}", to_string(other),
                      to_string(device)));
    CHECK(same_bits(fc.weight().value(), before[0]));
    CHECK(same_bits(fc.bias().value(), before[1]));
  }
}

TEST_CASE("draws: a step on another device than the one that draws", "[nn]") {
  cuda::emulation::emulated();
  const Device there = cuda::emulation::kEmulated;
  for (const Device device : {kCpu, there}) {
    const Device other = device == there ? kCpu : there;
    const std::string rest = fmt::format(": it draws on {}, but the draw's step is on {}",
                                         to_string(device), to_string(other));
    Random random(1, Stream::init, Tensor::zeros({}, DType::i32, other));
    const std::pair<const char*, Initializer> initializers[] = {
        {"glorot_uniform", glorot_uniform()}, {"he_normal", he_normal()}, {"normal", normal(1)}};
    for (const auto& [name, initializer] : initializers) {
      Module root(DType::f32, device);
      const Parameter p(root, "p", {2}, initializer);
      CHECK(message_of<DeviceError>([&] { root.initialize(random); }) == name + rest);
    }
    const Tensor x = Tensor::full({3}, 1, DType::f32, device);
    for (const double rate : {0.0, 0.5})
      CHECK(message_of<DeviceError>([&] { return gradus::dropout(x, rate, random.next()); }) ==
            "dropout" + rest);
  }
}
