#include <gradus/version.h>

#include <algorithm>

#include "apps/ssgan/export/export.h"
#include "apps/ssgan/export/onnx_graph.h"
#include "apps/ssgan/model/networks.h"
#include "autograd/window.h"

namespace gradus::ssgan {
namespace {

constexpr auto kEpsilon = static_cast<float>(BatchNorm::Options{}.epsilon);

/// The networks' layers as nodes, of images [N, C, H, W].
class Layers {
 public:
  using Value = OnnxGraph::Value;

  Layers(OnnxGraph& graph, const Checkpoint& c, std::string network, Statistics statistics)
      : graph_(graph),
        options_(network_of(c.options)),
        weights_(pytorch_weights(c)),
        network_(std::move(network)),
        statistics_(statistics) {}

  /// 3x3; of images of `side` pixels each way. SAME padding, or none.
  Value conv(const std::string& layer, const Value& x, int64_t side, int stride, bool same = true) {
    const int64_t out = (side + stride - 1) / stride;
    const int64_t all = std::max<int64_t>((out - 1) * stride + 3 - side, 0);
    const int64_t before = same_pad_before(side, out, 3, stride), after = all - before;
    using Pads = std::vector<int64_t>;
    return graph_.node("Conv", {x, part(layer, "weight"), part(layer, "bias")},
                       {{"kernel_shape", Pads{3, 3}},
                        {"strides", Pads{stride, stride}},
                        {"pads", same ? Pads{before, before, after, after} : Pads{0, 0, 0, 0}}});
  }

  /// 5x5, stride 2: `side` becomes 2 * side pixels, by leaving out what a convolution with SAME
  /// padding would have padded.
  Value deconv(const std::string& layer, const Value& x, int64_t side) {
    const int64_t before = same_pad_before(2 * side, side, 5, 2), after = 3 - before;
    return graph_.node("ConvTranspose", {x, part(layer, "weight"), part(layer, "bias")},
                       {{"kernel_shape", std::vector<int64_t>{5, 5}},
                        {"strides", std::vector<int64_t>{2, 2}},
                        {"pads", std::vector<int64_t>{before, before, after, after}}});
  }

  Value norm(const std::string& layer, const Value& x) {
    if (statistics_ == Statistics::running)
      return graph_.node("BatchNormalization",
                         {x, part(layer, "weight"), part(layer, "bias"),
                          part(layer, "running_mean"), part(layer, "running_var")},
                         {{"epsilon", kEpsilon}});
    const OnnxGraph::Attributes over{{"axes", std::vector<int64_t>{0, 2, 3}},
                                     {"keepdims", int64_t{1}}};
    const Value centred = graph_.node("Sub", {x, graph_.node("ReduceMean", {x}, over)});
    const Value variance =
        graph_.node("ReduceMean", {graph_.node("Mul", {centred, centred})}, over);
    const Value deviation =
        graph_.node("Sqrt", {graph_.node("Add", {variance, graph_.constant(kEpsilon)})});
    const Value y = graph_.node("Div", {centred, deviation});
    return graph_.node(
        "Add", {graph_.node("Mul", {y, part(layer, "weight", true)}), part(layer, "bias", true)});
  }

  Value leaky(const Value& x) {
    return graph_.node("LeakyRelu", {x}, {{"alpha", static_cast<float>(options_.alpha)}});
  }

  Value dense(const Value& x, const std::string& name = "") {
    return graph_.node("Gemm", {x, part("dense", "weight"), part("dense", "bias")},
                       {{"transB", int64_t{1}}}, name);
  }

  const NetworkOptions& options() const { return options_; }

 private:
  /// `spread`: [C] as [1, C, 1, 1].
  Value part(const std::string& layer, const std::string& name, bool spread = false) {
    const std::string full = network_ + "." + layer + "." + name;
    Tensor t = weights_.tensors.at(full);
    if (spread) t = t.reshape({1, t.count(), 1, 1});
    return graph_.constant(full, t);
  }

  OnnxGraph& graph_;
  NetworkOptions options_;
  TensorFile weights_;
  std::string network_;
  Statistics statistics_;
};

std::string finish(const OnnxGraph& graph, const Checkpoint& c) {
  return graph.model(kVersion, {{"classes", plain_weights(c).metadata.at("classes")}});
}

}  // namespace

std::string discriminator_onnx(const Checkpoint& c, Statistics statistics) {
  Discriminator checked(network_of(c.options), DType::f32, kCpu);
  load_network(c, "discriminator.", checked);

  using Type = OnnxGraph::Type;
  using Value = OnnxGraph::Value;
  OnnxGraph g("discriminator");
  Layers d(g, c, "discriminator", statistics);
  const NetworkOptions& o = d.options();
  const int64_t side = o.image_size;
  Value x = g.input("images", Type::u8, {side, side, 3});
  x = g.node("Cast", {x}, {{"to", int64_t{1}}});
  x = g.node("Sub", {g.node("Mul", {x, g.constant(1 / 127.5F)}), g.constant(1.0F)});
  x = g.node("Transpose", {x}, {{"perm", std::vector<int64_t>{0, 3, 1, 2}}});

  if (side > kTutorialSize) x = d.leaky(d.conv("conv0", x, side, 2));
  const Value relu1 = d.leaky(d.conv("conv1", x, 32, 2));
  const Value x2 = d.conv("conv2", relu1, 16, 2);
  const Value relu2 = d.leaky(o.relu2_reads_bn2 ? d.norm("bn2", x2) : x2);
  const Value relu3 = d.leaky(d.norm("bn3", d.conv("conv3", relu2, 8, 2)));
  const Value relu4 = d.leaky(d.norm("bn4", d.conv("conv4", relu3, 4, 1)));
  const Value relu5 = d.leaky(d.norm("bn5", d.conv("conv5", relu4, 4, 1)));
  const Value relu7 = d.leaky(d.conv("conv7", relu5, 4, 1, false));
  const Value features = g.node("Flatten", {g.node("GlobalAveragePool", {relu7})});
  const Value class_logits = d.dense(features, "class_logits");

  const int64_t real = o.num_classes, all = real + o.extra_class;
  const auto column = [&](int64_t begin, int64_t end) {
    return g.node("Slice", {class_logits, g.constant(std::vector{begin}),
                            g.constant(std::vector{end}), g.constant(std::vector<int64_t>{1})});
  };
  const OnnxGraph::Attributes over{{"axes", std::vector<int64_t>{1}}, {"keepdims", int64_t{0}}};
  Value gan_logits =
      g.node("ReduceLogSumExp", {o.extra_class ? column(0, real) : class_logits}, over);
  if (o.extra_class)
    gan_logits = g.node(
        "Sub",
        {gan_logits, g.node("ReduceSum", {column(real, all), g.constant(std::vector<int64_t>{1})},
                            {{"keepdims", int64_t{0}}})});
  g.output(class_logits, Type::f32, {all});
  g.output(g.node("Softmax", {class_logits}, {{"axis", int64_t{1}}}, "probabilities"), Type::f32,
           {all});
  g.output(g.node("Sigmoid", {gan_logits}, {}, "p_real"), Type::f32, {});
  return finish(g, c);
}

std::string generator_onnx(const Checkpoint& c, Statistics statistics) {
  Generator checked(network_of(c.options), DType::f32, kCpu);
  load_network(c, "generator.", checked);

  using Type = OnnxGraph::Type;
  using Value = OnnxGraph::Value;
  OnnxGraph g("generator");
  Layers layers(g, c, "generator", statistics);
  const int64_t side = layers.options().image_size;
  const bool large = side > kTutorialSize;
  const int64_t channels = (large ? 8 : 4) * layers.options().g_size_mult;
  Value x = layers.dense(g.input("z", Type::f32, {kZSize}));
  x = g.node("Reshape", {x, g.constant(std::vector<int64_t>{-1, channels, 4, 4})});
  if (large) x = layers.deconv("deconv1", layers.leaky(layers.norm("bn0", x)), 4);
  x = layers.leaky(layers.norm("bn1", x));
  x = layers.leaky(layers.norm("bn2", layers.deconv("deconv2", x, side / 8)));
  x = layers.leaky(layers.norm("bn3", layers.deconv("deconv3", x, side / 4)));
  x = g.node("Tanh", {layers.deconv("deconv4", x, side / 2)});

  x = g.node("Transpose", {x}, {{"perm", std::vector<int64_t>{0, 2, 3, 1}}});
  x = g.node("Mul", {g.node("Add", {x, g.constant(1.0F)}), g.constant(127.5F)});
  x = g.node("Add", {x, g.constant(0.5F)});
  x = g.node("Clip", {x, g.constant(0.0F), g.constant(255.0F)});
  g.output(g.node("Cast", {x}, {{"to", int64_t{2}}}, "images"), Type::u8, {side, side, 3});
  return finish(g, c);
}

}  // namespace gradus::ssgan
