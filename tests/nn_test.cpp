#include <cmath>

#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "nn/layers.h"
#include "nn/sequential.h"
#include "tensor/backend.h"
#include "tests/catch.h"
#include "tests/message_of.h"
#include "tests/values.h"

using namespace gradus;

namespace {

/// A network whose members register in the order of their declaration.
struct Net : Module {
  explicit Net(DType dtype = DType::f64) : Module(dtype) {}
  Conv2d conv{*this, "conv", {.in = 2, .out = 3}};
  BatchNorm norm{*this, "norm", {.channels = 3}};
  Sequential head{*this, "head"};
  Parameter scale{*this, "scale", {3}, constant(2)};
};

std::vector<std::string> names_of(Module& m) {
  std::vector<std::string> names;
  for (const auto& [name, p] : m.named_parameters()) names.push_back(name);
  return names;
}

const Pass kEvaluation = Pass::evaluation(Statistics::running);

}  // namespace

TEST_CASE("module: parts register under their names in order", "[nn]") {
  Net net;
  net.head.add<Linear>("first", Linear::Options{4, 5}).add<Linear>("second", Linear::Options{5, 1});
  CHECK(names_of(net) == std::vector<std::string>{"scale", "conv.weight", "conv.bias",
                                                  "norm.weight", "norm.bias", "head.first.weight",
                                                  "head.first.bias", "head.second.weight",
                                                  "head.second.bias"});
  const auto buffers = net.named_buffers();
  REQUIRE(buffers.size() == 2);
  CHECK(buffers[0].first == "norm.running_mean");
  CHECK(buffers[1].first == "norm.running_variance");
  CHECK(net.parameters().size() == 9);
  CHECK(net.parameters()[1]->value().shape() == Shape{3, 3, 3, 2});
  CHECK(net.parameters()[1]->value().dtype() == DType::f64);
}

TEST_CASE("module: what was saved is loaded into another one of either dtype", "[nn]") {
  Net from, to, single(DType::f32);
  Random random(1, Stream::init);
  from.initialize(random);
  Buffer& variance = *from.norm.named_buffers()[1].second;
  variance.copy_from(Tensor::full(variance.value().shape(), 0.25, DType::f64));
  std::map<std::string, Tensor> tensors;
  from.save(tensors, "net.");
  CHECK(tensors.size() == 7);
  to.load(tensors, "net.");
  single.load(tensors, "net.");
  for (size_t i = 0; i < from.parameters().size(); ++i) {
    const Array expected = to_array(from.parameters()[i]->value());
    CHECK(same_bits(to_array(to.parameters()[i]->value()), expected));
    CHECK(error_of(to_array(single.parameters()[i]->value()), expected) < 1e-7);
    CHECK(to.parameters()[i]->value().raw() != from.parameters()[i]->value().raw());
  }
  CHECK(to.named_buffers()[1].second->value().span<double>()[0] == 0.25);
  Net without_buffers;
  without_buffers.load(tensors, "net.", false);
  CHECK(without_buffers.named_buffers()[1].second->value().span<double>()[0] == 1);
}

TEST_CASE("module: loading names the tensor that does not fit", "[nn]") {
  Net net;
  std::map<std::string, Tensor> good;
  net.save(good, "D.");
  auto bad = good;
  bad.erase("D.conv.bias");
  CHECK(message_of<DataError>([&] { return net.load(bad, "D."); }) ==
        "no tensor D.conv.bias; [3] expected");
  bad = good;
  bad["D.norm.running_mean"] = Tensor::zeros({4}, DType::f64);
  CHECK(message_of<DataError>([&] { return net.load(bad, "D."); }) ==
        "tensor D.norm.running_mean has shape [4]; [3] expected");
  bad = good;
  bad["D.scale"] = Tensor::zeros({3}, DType::i32);
  CHECK(message_of<DataError>([&] { return net.load(bad, "D."); }) ==
        "tensor D.scale holds i32; f64 expected");
}

TEST_CASE("init: parameters start within their range", "[nn]") {
  const auto drawn = [](const Initializer& init, int64_t in, int64_t out) {
    Tensor t({100'000}, DType::f64);
    Random random(3, Stream::init);
    init(t, in, out, random);
    return to_array(t).v;
  };
  const auto deviation = [](const std::vector<double>& v) {
    double sum = 0;
    for (const double x : v) sum += x * x;
    return std::sqrt(sum / double(v.size()));
  };
  const std::vector<double> glorot = drawn(glorot_uniform(), 27, 576);
  const double limit = std::sqrt(6.0 / (27 + 576));
  const auto [low, high] = std::minmax_element(glorot.begin(), glorot.end());
  CHECK(*low >= -limit);
  CHECK(*high < limit);
  CHECK(*high - *low > 1.99 * limit);
  CHECK(std::abs(deviation(drawn(he_normal(), 50, 7)) - 0.2) < 0.002);
  CHECK(std::abs(deviation(drawn(normal(3), 50, 7)) - 3) < 0.03);
  CHECK(drawn(constant(0.5), 1, 1) == std::vector<double>(100'000, 0.5));
}

TEST_CASE("init: layers state the fans of their formula", "[nn]") {
  Module root(DType::f32);
  std::vector<std::pair<int64_t, int64_t>> fans;
  const Initializer spy = [&](Tensor&, int64_t in, int64_t out, Random&) {
    fans.emplace_back(in, out);
  };
  Linear linear(root, "a", {4, 7, spy});
  Conv2d conv(root, "b", {.in = 3, .out = 64, .kernel = 5, .initializer = spy});
  ConvTranspose2d up(root, "c", {.in = 8, .out = 6, .kernel = 3, .initializer = spy});
  Conv2d grouped(root, "d", {.in = 4, .out = 6, .kernel = 3, .initializer = spy, .groups = 2});
  Random random(1);
  root.initialize(random);
  CHECK(fans == std::vector<std::pair<int64_t, int64_t>>{{4, 7}, {75, 1600}, {72, 54}, {18, 27}});
  CHECK(to_array(conv.parameters()[1]->value()).v == std::vector<double>(64, 0.0));
}

TEST_CASE("init: the same seed draws the same parameters", "[nn]") {
  Net a, b, c;
  Random first(1, Stream::init), again(1, Stream::init), other(2, Stream::init);
  a.initialize(first);
  b.initialize(again);
  c.initialize(other);
  CHECK(same_bits(a.parameters()[1]->value(), b.parameters()[1]->value()));
  CHECK_FALSE(same_bits(a.parameters()[1]->value(), c.parameters()[1]->value()));
}

TEST_CASE("layers: linear and convolutions are the operations with their parameters", "[nn]") {
  Module root(DType::f64);
  Linear linear(root, "linear", {3, 2});
  const ConvOptions same2{2, 2, Padding::same()};
  Conv2d conv(root, "conv", {.in = 3, .out = 4, .kernel = 5, .stride = 2});
  ConvTranspose2d up(root, "up", {.in = 3, .out = 4, .kernel = 5, .stride = 2});
  Random random(1, Stream::init);
  for (Parameter* p : root.parameters()) {
    Tensor value = p->value();
    backend(kCpu).fill_normal(random.next(), 0, 1, value);
  }
  const Tensor row = random_tensor({5, 3}, DType::f64, 1);
  const Tensor image = random_tensor({2, 6, 6, 3}, DType::f64, 2);
  const auto value = [](Layer& l, int i) -> Var { return l.parameters()[i]->value(); };
  CHECK(same_bits(linear(kEvaluation, row).value(),
                  (matmul(row, value(linear, 0), {.b = true}) + value(linear, 1)).value()));
  CHECK(same_bits(conv(kEvaluation, image).value(),
                  conv2d(image, value(conv, 0), value(conv, 1), same2).value()));
  CHECK(same_bits(up(kEvaluation, image).value(),
                  conv_transpose2d(image, value(up, 0), value(up, 1), same2).value()));
  CHECK(up(kEvaluation, image).shape() == Shape{2, 12, 12, 4});
}

TEST_CASE("layers: convolutions with dilation and groups", "[nn]") {
  Module root(DType::f64);
  const Conv2dOptions options{.in = 4, .out = 6, .stride = 2, .dilation = 3, .groups = 2};
  const ConvOptions same{2, 2, Padding::same(), 3, 3, 2};
  Conv2d conv(root, "conv", options);
  ConvTranspose2d up(root, "up", options);
  const auto w = [](Layer& l) -> Var { return l.parameters()[0]->value(); };
  CHECK(w(conv).shape() == Shape{6, 3, 3, 2});
  CHECK(w(up).shape() == Shape{4, 3, 3, 3});
  Random random(1, Stream::init);
  root.initialize(random);
  const Tensor image = random_tensor({2, 8, 8, 4}, DType::f64, 2);
  CHECK(same_bits(conv(kEvaluation, image).value(), conv2d(image, w(conv), {}, same).value()));
  CHECK(
      same_bits(up(kEvaluation, image).value(), conv_transpose2d(image, w(up), {}, same).value()));
  for (const int groups : {4, 0, -2})
    CHECK(message_of<ShapeError>([&] {
            Module bad;
            ConvTranspose2d(bad, "bad", {.in = 6, .out = 6, .groups = groups});
          }) == fmt::format("convolution: {} groups do not divide 6 channels", groups));
}

TEST_CASE("layers: batch norm and its running statistics", "[nn]") {
  Module root(DType::f64);
  BatchNorm norm(root, "norm", {.channels = 2, .epsilon = 1e-3, .momentum = 0.9});
  Random random(1);
  norm.initialize(random);
  const Tensor &mean = norm.named_buffers()[0].second->value(),
               &variance = norm.named_buffers()[1].second->value();
  const Tensor x = Tensor::from({1.0, 10.0, 3.0, 10.0, 8.0, 13.0}, {3, 2});
  const Var one = norm.parameters()[0]->value(), zero = norm.parameters()[1]->value();
  const Tensor expected = batch_norm(x, one, zero, 1e-3).y.value();

  const Pass training = Pass::training(random);
  CHECK(training.statistics() == Statistics::batch_and_update);
  CHECK(same_bits(norm(training.with(Statistics::batch), x).value(), expected));
  CHECK(mean.to_vector<double>() == std::vector<double>{0, 0});
  CHECK(variance.to_vector<double>() == std::vector<double>{1, 1});

  Array m(Shape{2}), v(Shape{2});
  v.v = {1, 1};
  for (int i = 0; i < 3; ++i) {
    CHECK(same_bits(norm(training, x).value(), expected));
    m.v = {0.9 * m(0) + 0.1 * 4, 0.9 * m(1) + 0.1 * 11};
    v.v = {0.9 * v(0) + 0.1 * 26 / 3, 0.9 * v(1) + 0.1 * 2};
    CHECK(error_of(to_array(mean), m) < 1e-14);
    CHECK(error_of(to_array(variance), v) < 1e-14);
  }
  Array by_running = to_array(x);
  for (int64_t i = 0; i < 6; ++i)
    by_running.v[i] = (by_running.v[i] - m(i % 2)) / std::sqrt(v(i % 2) + 1e-3);
  CHECK(error_of(to_array(norm(kEvaluation, x).value()), by_running) < 1e-14);
  CHECK(same_bits(norm(Pass::evaluation(Statistics::batch), x).value(), expected));
  CHECK(error_of(to_array(mean), m) < 1e-14);
}

TEST_CASE("layers: dropout is active in training alone", "[nn]") {
  Module root;
  Dropout drop(root, "drop", 0.5);
  const Tensor x = Tensor::full({1000}, 1, DType::f32);
  const Var passed = drop(kEvaluation, x);
  CHECK(passed.value().raw() == x.raw());
  Random random(4);
  const Pass training = Pass::training(random);
  const Tensor first = drop(training, x).value(), second = drop(training, x).value();
  CHECK_FALSE(same_bits(first, second));
  random.restart();
  CHECK(same_bits(first, drop(Pass::training(random), x).value()));
  CHECK(same_bits(first, dropout(x, 0.5, {4, Stream::train, 0, {}}).value()));
}

TEST_CASE("layers: sequential runs layers and functions in order and reports names", "[nn]") {
  Module root(DType::f64);
  Sequential net(root, "net");
  net.add<Linear>("in", Linear::Options{2, 3})
      .add([](const Var& x) { return tanh(x); })
      .add<Linear>("out", Linear::Options{3, 1});
  Random random(5, Stream::init);
  root.initialize(random);
  const Tensor x = random_tensor({4, 2}, DType::f64, 1);
  const auto p = net.parameters();
  const Var hidden = tanh(matmul(x, p[0]->value(), {.b = true}) + p[1]->value());
  const Var expected = matmul(hidden, p[2]->value(), {.b = true}) + p[3]->value();
  const Pass pass = Pass::evaluation(Statistics::batch);
  std::vector<std::string> seen;
  pass.observe([&](const std::string& name, const Var&) { seen.push_back(name); });
  CHECK(same_bits(net(pass.named("D.").named("x."), x).value(), expected.value()));
  CHECK(seen == std::vector<std::string>{"D.x.in", "D.x.out", "D.x.net"});
}

TEST_CASE("pass: a parameter is one leaf however often it is used", "[nn]") {
  Module root(DType::f64);
  Parameter a(root, "a", {}, constant(3)), b(root, "b", {}, constant(5)),
      unused(root, "unused", {2}, constant(1));
  Random random(1);
  root.initialize(random);
  const Pass pass = Pass::training(random);
  CHECK(pass.is_training());
  const Var loss = pass.use(a) * pass.use(a) * pass.use(b);
  const std::vector<Tensor> g = pass.gradients(loss, root.parameters());
  CHECK(g[0].item() == 30);
  CHECK(g[1].item() == 9);
  CHECK(to_array(g[2]).v == std::vector<double>{0, 0});
}

TEST_CASE("pass: evaluation records nothing and has nothing to draw", "[nn]") {
  Module root(DType::f64);
  Parameter a(root, "a", {}, constant(3));
  CHECK_FALSE(kEvaluation.is_training());
  CHECK_FALSE(kEvaluation.use(a).tracked());
  CHECK(kEvaluation.tape() == nullptr);
  CHECK_THROWS_AS(kEvaluation.gradients(kEvaluation.use(a), {&a}), TapeError);
  CHECK_THROWS_AS(kEvaluation.draw(), Error);
}
