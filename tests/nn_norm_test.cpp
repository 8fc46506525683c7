#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "nn/weight_norm.h"
#include "tests/catch.h"
#include "tests/values.h"

using namespace gradus;

namespace {

/// A layer of each kind, with weights of a fixed seed.
struct Three : Module {
  Three() : Module(DType::f64) {
    Random random(1, Stream::init);
    initialize(random);
  }
  WeightNorm<Linear> linear{*this, "linear", Linear::Options{5, 3}};
  WeightNorm<Conv2d> conv{*this, "conv", Conv2dOptions{.in = 4, .out = 6, .groups = 2}};
  WeightNorm<ConvTranspose2d> up{*this, "up",
                                 Conv2dOptions{.in = 4, .out = 6, .stride = 2, .groups = 2}};
};

/// The Euclidean norm of the weights that output channel k of `filters` [A, B, C] reads.
double norm_of(const Array& w, const Shape& filters, int64_t k) {
  double sum = 0;
  for (int64_t b = 0; b < filters[1]; ++b) {
    const int64_t at = (k / filters[2] * filters[1] + b) * filters[2] + k % filters[2];
    sum += w.v[at] * w.v[at];
  }
  return std::sqrt(sum);
}

/// Mean and variance of channel c over all other axes.
std::pair<double, double> statistics(const Array& y, int64_t c) {
  const int64_t channels = y.shape[-1], rows = y.shape.count() / channels;
  double mean = 0, variance = 0;
  for (int64_t i = 0; i < rows; ++i) mean += y.v[i * channels + c] / double(rows);
  for (int64_t i = 0; i < rows; ++i)
    variance += std::pow(y.v[i * channels + c] - mean, 2) / double(rows);
  return {mean, variance};
}

template <class L>
void check_initialization(WeightNorm<L>& layer, const Tensor& x) {
  const Array y = to_array(layer(Pass::initialization(), x).value());
  const Array again = to_array(layer(Pass::evaluation(Statistics::running), x).value());
  CHECK(error_of(again, y) < 1e-9);
  for (int64_t c = 0; c < y.shape[-1]; ++c) {
    const auto [mean, variance] = statistics(again, c);
    CHECK(std::abs(mean) < 1e-9);
    CHECK(std::abs(variance - 1) < 1e-6);
  }
}

}  // namespace

TEST_CASE("layers: layer norm is the operation with its parameters", "[nn]") {
  Module root(DType::f64);
  LayerNorm norm(root, "norm", {{3, 4}});
  Random random(1, Stream::init);
  root.initialize(random);
  for (Parameter* p : root.parameters()) p->copy_from(random_tensor({3, 4}, DType::f64, 1, 0.5, 2));
  const Tensor x = random_tensor({2, 3, 4}, DType::f64, 2);
  const Var gamma = root.parameters()[0]->value(), beta = root.parameters()[1]->value();
  CHECK(same_bits(norm(Pass::evaluation(Statistics::running), x).value(),
                  layer_norm(x, gamma, beta, 1e-5).value()));
}

TEST_CASE("weight norm: filters have the length g, and the names are the layer's", "[nn]") {
  Three net;
  std::vector<std::string> names;
  for (const auto& [name, p] : net.conv.named_parameters()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"weight", "bias", "g"});
  for (WeightedLayer* layer :
       std::initializer_list<WeightedLayer*>{&net.linear, &net.conv, &net.up}) {
    Parameter& g = *layer->parameters()[2];
    CHECK(to_array(g.value()).v == std::vector<double>(g.value().count(), 1.0));
    g.copy_from(random_tensor(g.value().shape(), DType::f64, 3, 0.5, 2));
    const Array w =
        to_array(weight_norm(layer->weight().value(), g.value(), layer->filters()).value());
    CHECK(w.shape == layer->weight().value().shape());
    for (int64_t k = 0; k < g.value().count(); ++k)
      CHECK(std::abs(norm_of(w, layer->filters(), k) - to_array(g.value()).v[k]) < 1e-14);
  }
}

TEST_CASE("weight norm: the layer computes with g v / |v|", "[nn]") {
  Module root(DType::f64);
  const Conv2dOptions options{.in = 4, .out = 6, .stride = 2, .groups = 2};
  WeightNorm<ConvTranspose2d> up(root, "up", options);
  ConvTranspose2d plain(root, "plain", options);
  Random random(1, Stream::init);
  root.initialize(random);
  Parameter& scale = *up.parameters()[2];
  scale.copy_from(random_tensor({6}, DType::f64, 3, 0.5, 2));
  plain.weight().copy_from(weight_norm(up.weight().value(), scale.value(), up.filters()).value());
  const Tensor x = random_tensor({2, 3, 3, 4}, DType::f64, 4);
  const Pass evaluation = Pass::evaluation(Statistics::running);
  CHECK(same_bits(up(evaluation, x).value(), plain(evaluation, x).value()));
}

TEST_CASE("weight norm: gradients towards v and g, the layer used twice in a pass", "[nn]") {
  Module root(DType::f64);
  WeightNorm<Linear> layer(root, "layer", Linear::Options{4, 4});
  Random random(1, Stream::init);
  root.initialize(random);
  const Tensor x = random_tensor({3, 4}, DType::f64, 2);
  const std::vector<Parameter*> parameters = root.parameters();
  const auto loss = [&](const Pass& pass) { return sum(tanh(layer(pass, tanh(layer(pass, x))))); };
  const Pass training = Pass::training(random);
  const std::vector<Tensor> g = training.gradients(loss(training), parameters);
  std::vector<Tensor> values;
  for (const Parameter* p : parameters) values.push_back(p->value().clone());
  const auto as_function = [&](const std::vector<Var>& in) {
    const Pass pass = Pass::evaluation(Statistics::running);
    for (size_t i = 0; i < in.size(); ++i) pass.bind(*parameters[i], in[i]);
    return loss(pass);
  };
  const GradcheckResult result = gradcheck(as_function, values);
  INFO(result.worst);
  CHECK(result.ok);
  const auto tape = Tape::make();
  std::vector<Var> leaves;
  for (const Tensor& v : values) leaves.push_back(tape->watch(v));
  const std::vector<Tensor> expected = tape->gradients(as_function(leaves), leaves);
  for (size_t i = 0; i < g.size(); ++i) CHECK(same_bits(g[i], expected[i]));
}

TEST_CASE("weight norm: the first batch leaves with mean 0 and variance 1", "[nn]") {
  Three net;
  const Tensor images = random_tensor({3, 6, 6, 4}, DType::f64, 2, 1, 5);
  check_initialization(net.linear, random_tensor({20, 5}, DType::f64, 1, -3, 1));
  check_initialization(net.conv, images);
  check_initialization(net.up, images);
  check_initialization(net.up, images);  // once more changes nothing
}
