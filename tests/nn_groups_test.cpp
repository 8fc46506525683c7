#include "nn/layers.h"
#include "nn/optim.h"
#include "tests/catch.h"
#include "tests/message_of.h"
#include "tests/values.h"

using namespace gradus;

namespace {

struct Net : Module {
  Net() {
    Random random(1, Stream::init);
    initialize(random);
    for (Parameter* p : parameters())
      p->copy_from(random_tensor(p->value().shape(), DType::f32, 5));
  }
  Linear line{*this, "line", {.in = 3, .out = 2}};
  BatchNorm norm{*this, "norm", {2}};
};

/// The parameters after two steps, by name.
std::map<std::string, Tensor> trained(const std::function<void(Adam&)>& prepare,
                                      const AdamUpdate& update, double lr) {
  Net net;
  Adam adam(net, update);
  prepare(adam);
  for (int t = 0; t < 2; ++t) {
    std::vector<Tensor> gradients;
    for (const Parameter* p : net.parameters())
      gradients.push_back(random_tensor(p->value().shape(), DType::f32, 40 + t));
    adam.step(gradients, lr);
  }
  std::map<std::string, Tensor> all;
  net.save(all, "");
  return all;
}

void nothing(Adam&) {}
bool is_vector(const std::string&, const Shape& shape) { return shape.rank() < 2; }

}  // namespace

TEST_CASE("optimizers: a group has its own decay and rate, the others theirs", "[nn][optim]") {
  const AdamUpdate decayed{.weight_decay = 0.1}, plain{};
  const auto grouped = trained([&](Adam& a) { a.group(is_vector, plain, 0.5); }, decayed, 0.01);
  const auto of_others = trained(nothing, decayed, 0.01), of_group = trained(nothing, plain, 0.005);
  for (const auto& [name, t] : grouped) {
    INFO(name);
    CHECK(same_bits(t, (name == "line.weight" ? of_others : of_group).at(name)));
  }
  CHECK(!same_bits(of_others.at("norm.bias"), of_group.at("norm.bias")));
}

TEST_CASE("optimizers: a number is a learning rate as a tensor is", "[nn][optim]") {
  Net a, b;
  Adam of_a(a), of_b(b);
  std::vector<Tensor> gradients;
  for (const Parameter* p : a.parameters())
    gradients.push_back(random_tensor(p->value().shape(), DType::f32, 3));
  of_a.step(gradients, 0.02);
  of_b.step(gradients, Tensor::full({}, 0.02, DType::f64));
  for (size_t i = 0; i < gradients.size(); ++i)
    CHECK(same_bits(a.parameters()[i]->value(), b.parameters()[i]->value()));
}

TEST_CASE("optimizers: groups that cannot be are refused", "[nn][optim]") {
  Net net;
  Adam adam(net);
  Sgd sgd(net);
  const std::string other =
      "optimizer: a group's update must be of the same kind and use the same moments";
  CHECK(message_of<Error>([&] { adam.group(is_vector, SgdUpdate{}); }) == other);
  CHECK(message_of<Error>([&] { sgd.group(is_vector, SgdUpdate{.momentum = 0.9}); }) == other);
  CHECK(message_of<Error>([&] {
          adam.group([](auto&, const Shape& s) { return s.rank() > 4; }, AdamUpdate{});
        }) == "optimizer: a group chooses none of 4 parameters");
}
