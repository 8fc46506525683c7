#include "apps/ssgan/study/grad_cases.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "apps/ssgan/model/losses.h"
#include "apps/ssgan/options.h"
#include "autograd/ops.h"
#include "tensor/backend.h"

namespace gradus::ssgan {
namespace {

using Vars = std::vector<Var>;

Tensor random(const Shape& shape, uint64_t seed, double low = -2, double high = 2) {
  Tensor t(shape, DType::f64);
  backend(t).fill_uniform(Random(seed, Stream::check).next(), low, high, t);
  return t;
}

/// Labels as one_hot of 0, 1, ... below `classes`, in turn.
Tensor one_hot_labels(int64_t n, int64_t classes) {
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < n; ++i) labels.push_back(static_cast<int32_t>(i % classes));
  return one_hot(Tensor::from(std::span<const int32_t>(labels), {n}), classes, DType::f64);
}

class Cases {
 public:
  void operation(const char* name, const std::vector<std::pair<std::string, Shape>>& inputs,
                 std::function<Var(const Vars&)> f, double low = -2, double high = 2) {
    GradCase c{name, {}, {}, std::move(f)};
    for (const auto& [input, shape] : inputs) {
      c.input_names.push_back(input);
      c.inputs.push_back(random(shape, ++seed_, low, high));
    }
    all.push_back(std::move(c));
  }

  /// A layer as a function of x and its parameters.
  template <class L, class Options>
  void layer(const char* name, const Shape& x, const Options& options) {
    const auto layer = std::make_shared<L>(options);
    layer->to(DType::f64);
    GradCase c{name, {"x"}, {random(x, ++seed_)}, {}};
    for (const auto& [parameter, p] : layer->named_parameters()) {
      c.input_names.push_back(parameter);
      c.inputs.push_back(random(p->value().shape(), ++seed_));
    }
    c.f = [layer](const Vars& in) {
      const Pass pass = Pass::evaluation(Statistics::batch);
      size_t i = 0;
      for (Parameter* p : layer->parameters()) pass.bind(*p, in[++i]);
      return (*layer)(pass, in[0]);
    };
    all.push_back(std::move(c));
  }

  /// A loss of the tutorial as a function of all parameters of both networks.
  void model(const char* name, Var ModelLoss::*loss) {
    struct Networks {
      explicit Networks(const NetworkOptions& o)
          : generator(o, DType::f64, kCpu), discriminator(o, DType::f64, kCpu) {}
      Generator generator;
      Discriminator discriminator;
    };
    Options o = preset("mended");
    o.network.g_size_mult = 2;
    o.network.d_size_mult = 3;
    const auto n = std::make_shared<Networks>(network_of(o));
    Random init(++seed_, Stream::init);
    n->generator.initialize(init);
    n->discriminator.initialize(init);
    GradCase c{name, {}, {}, {}, 2};
    std::vector<Parameter*> parameters;
    for (const auto& [prefix, module] :
         {std::pair<const char*, Module*>{"generator.", &n->generator},
          {"discriminator.", &n->discriminator}})
      for (const auto& [parameter, p] : module->named_parameters()) {
        parameters.push_back(p);
        c.input_names.push_back(prefix + parameter);
        c.inputs.push_back(p->value().clone());
      }
    const Batch batch{random({4, 32, 32, 3}, ++seed_, -1, 1),
                      Tensor::from<int32_t>({0, 3, 7, 9}, {4}),
                      Tensor::from<double>({1, 0, 1, 0}, {4})};
    c.f = [n, parameters, batch, loss, z = random({4, kZSize}, ++seed_)](const Vars& in) {
      Random draws(7);  // dropout drops the same each time
      const Pass pass = Pass::training(draws).with(Statistics::batch);
      for (size_t i = 0; i < in.size(); ++i) pass.bind(*parameters[i], in[i]);
      return model_loss(pass, n->generator, n->discriminator, batch, z, ZeroAs::klass).*loss;
    };
    all.push_back(std::move(c));
  }

  std::vector<GradCase> all;

 private:
  uint64_t seed_ = 0;
};

}  // namespace

std::vector<GradCase> grad_cases() {
  Cases cases;
  const std::pair<std::string, Shape> x{"x", {3, 4}};
  struct OfOne {
    const char* name;
    Var (*f)(const Var& x);
    double low = -2;
    Shape shape = {3, 4};
    std::optional<double> kink = {};  // where the first number of x stands
  };
  const Shape images{2, 6, 6, 2};
  for (const OfOne& o : std::vector<OfOne>{
           {"exp", [](const Var& x) { return exp(x); }},
           {"log", [](const Var& x) { return log(x); }, 0.5},
           {"sqrt", [](const Var& x) { return sqrt(x); }, 0.5},
           {"pow", [](const Var& x) { return pow(x, 1.5); }, 0.5},
           {"tanh", [](const Var& x) { return tanh(x); }},
           {"sigmoid", [](const Var& x) { return sigmoid(x); }},
           {"softplus", [](const Var& x) { return softplus(x); }},
           {"relu", [](const Var& x) { return relu(x); }, -2, {3, 4}, 0},
           {"leaky_relu", [](const Var& x) { return leaky_relu(x, 0.2); }, -2, {3, 4}, 0},
           {"elu", [](const Var& x) { return elu(x); }},
           {"gelu", [](const Var& x) { return gelu(x); }},
           {"silu", [](const Var& x) { return silu(x); }},
           {"sin", [](const Var& x) { return sin(x); }},
           {"cos", [](const Var& x) { return cos(x); }},
           {"abs", [](const Var& x) { return abs(x); }, -2, {3, 4}, 0},
           {"clamp", [](const Var& x) { return clamp(x, -1, 1); }},
           {"sum", [](const Var& x) { return sum(x, {0}); }},
           {"mean", [](const Var& x) { return mean(x, {0}); }},
           {"var", [](const Var& x) { return var(x, {0}); }},
           {"max", [](const Var& x) { return max(x, {1}); }},
           {"logsumexp", [](const Var& x) { return logsumexp(x, {1}); }},
           {"softmax", [](const Var& x) { return softmax(x); }},
           {"log_softmax", [](const Var& x) { return log_softmax(x); }},
           {"reshape", [](const Var& x) { return reshape(x, {2, 6}); }},
           {"slice", [](const Var& x) { return slice(x, 1, 1, 3); }},
           {"pad", [](const Var& x) { return pad(x, {{1, 0}, {0, 2}}); }},
           {"gather", [](const Var& x) { return gather(x, Tensor::from<int32_t>({2, 0, 2}, {3})); }},
           {"permute", [](const Var& x) { return permute(x, {1, 0}); }},
           {"transpose", [](const Var& x) { return transpose(x); }},
           {"flip", [](const Var& x) { return flip(x, {1}); }},
           {"roll", [](const Var& x) { return roll(x, 1, 1); }},
           {"broadcast_to", [](const Var& x) { return broadcast_to(x, {2, 3, 4}); }},
           {"dropout",
            [](const Var& x) { return dropout(x, 0.5, Random(1, Stream::check).next()); }},
           {"augment",
            [](const Var& x) {
              return augment(x, augmentation("affine,colour"), Random(1, Stream::check).next());
            },
            -1, {2, 8, 8, 3}},
           {"max_pool2d", [](const Var& x) { return max_pool2d(x); }, -2, images},
           {"avg_pool2d", [](const Var& x) { return avg_pool2d(x); }, -2, images},
           {"global_avg_pool2d", [](const Var& x) { return global_avg_pool2d(x); }, -2, images},
           {"upsample_nearest2d", [](const Var& x) { return upsample_nearest2d(x, 2); }, -2,
            images},
           {"upsample_bilinear2d", [](const Var& x) { return upsample_bilinear2d(x, 2); }, -2,
            images}}) {
    cases.operation(
        o.name, {{"x", o.shape}}, [f = o.f](const Vars& v) { return f(v[0]); }, o.low);
    if (o.kink) cases.all.back().inputs[0].mutable_span<double>()[0] = *o.kink;
  }
  struct OfTwo {
    const char* name;
    Var (*f)(const Var& x, const Var& y);
    double low = -2;
  };
  for (const OfTwo& o : std::vector<OfTwo>{
           {"add", [](const Var&x, const Var&y) { return x + y; }},
           {"sub", [](const Var&x, const Var&y) { return x - y; }},
           {"mul", [](const Var&x, const Var&y) { return x * y; }},
           {"div", [](const Var&x, const Var&y) { return x / y; }, 0.5},
           {"maximum", [](const Var&x, const Var&y) { return maximum(x, y); }},
           {"minimum", [](const Var&x, const Var&y) { return minimum(x, y); }},
           {"where", [](const Var&x, const Var&y) { return where(one_hot_labels(3, 4), x, y); }},
           {"concat", [](const Var&x, const Var&y) { return concat({x, y}, 1); }},
           {"stack", [](const Var&x, const Var&y) { return stack({x, y}); }},
           {"l1_loss", [](const Var&x, const Var&y) { return l1_loss(x, y); }},
           {"mse_loss", [](const Var&x, const Var&y) { return mse_loss(x, y); }},
           {"huber_loss", [](const Var&x, const Var&y) { return huber_loss(x, y); }}})
    cases.operation(
        o.name, {x, {"y", {3, 4}}}, [f = o.f](const Vars& v) { return f(v[0], v[1]); }, o.low);
  cases.operation("matmul", {x, {"y", {4, 2}}}, [](const Vars& v) { return matmul(v[0], v[1]); });
  const std::pair<std::string, Shape> logits{"logits", {3, 4}};
  cases.operation("cross_entropy", {logits}, [](const Vars& v) {
    return cross_entropy(v[0], Tensor::from<int32_t>({0, 1, 3}, {3}));
  });
  cases.operation("softmax_cross_entropy", {logits},
                  [](const Vars& v) { return softmax_cross_entropy(v[0], one_hot_labels(3, 4)); });
  cases.operation("sigmoid_cross_entropy", {logits},
                  [](const Vars& v) { return sigmoid_cross_entropy(v[0], one_hot_labels(3, 4)); });
  cases.operation("conv2d", {{"x", images}, {"weight", {3, 3, 3, 2}}, {"bias", {3}}},
                  [](const Vars& v) {
                    return conv2d(v[0], v[1], v[2], {2, 2, Padding::same()});
                  });
  cases.operation("conv_transpose2d",
                  {{"x", {2, 3, 3, 2}}, {"weight", {2, 5, 5, 3}}, {"bias", {3}}},
                  [](const Vars& v) {
                    return conv_transpose2d(v[0], v[1], v[2], {2, 2, Padding::same()});
                  });
  const std::vector<std::pair<std::string, Shape>> normed{
      {"x", {6, 3}}, {"gamma", {3}}, {"beta", {3}}};
  cases.operation("batch_norm", normed,
                  [](const Vars& v) { return batch_norm(v[0], v[1], v[2], 1e-3).y; });
  cases.operation("layer_norm", normed,
                  [](const Vars& v) { return layer_norm(v[0], v[1], v[2], 1e-3); });
  cases.layer<Linear>("Linear", {3, 4}, Linear::Options{4, 2});
  cases.layer<Conv2d>("Conv2d", images, Conv2dOptions{.in = 2, .out = 3, .stride = 2});
  cases.layer<ConvTranspose2d>("ConvTranspose2d", {2, 3, 3, 2},
                               Conv2dOptions{.in = 2, .out = 3, .kernel = 5, .stride = 2});
  cases.layer<BatchNorm>("BatchNorm", {6, 3}, BatchNorm::Options{3});
  cases.layer<LayerNorm>("LayerNorm", {6, 3}, LayerNorm::Options{{3}});
  cases.model("model.d", &ModelLoss::d);
  cases.model("model.g", &ModelLoss::g);
  return std::move(cases.all);
}

GradCase broken(GradCase c) {
  c.f = [f = std::move(c.f)](const Vars& in) {
    const Var y = f(in);
    return Tape::record("broken", {y}, y.value(), [](const Tensor& dy, GradSink& grads) {
      Tensor dx = dy.clone();
      const auto values = dx.mutable_span<double>();
      std::ranges::fill(values.first((values.size() + 1) / 2), 0);
      grads.add(0, dx);
    });
  };
  return c;
}

StepSizes vary_step(const GradCase& c, const std::vector<double>& steps) {
  // Weighted, since the plain sum of a softmax or of a batch norm's output is constant.
  const auto projected = [&](const Vars& in) {
    const Var y = c.f(in);
    return y.shape().rank() == 0 ? y : sum(y * random(y.shape(), 1, 0.5, 1.5));
  };
  const auto tape = Tape::make();
  Vars watched;
  for (const Tensor& x : c.inputs) watched.push_back(tape->watch(x.clone()));
  const Tensor gradient = tape->gradients(projected(watched), watched)[0];
  const std::vector<double> g = gradient.to_vector<double>();
  StepSizes result;
  result.coordinate =
      std::ranges::max_element(g, {}, [](double v) { return std::abs(v); }) - g.begin();
  result.by_tape = g[static_cast<size_t>(result.coordinate)];
  const auto at = [&](double offset) {
    Vars in;
    for (const Tensor& x : c.inputs) in.emplace_back(x.clone());
    Tensor moved = c.inputs[0].clone();
    moved.mutable_span<double>()[static_cast<size_t>(result.coordinate)] += offset;
    in[0] = moved;
    return projected(in).value().item();
  };
  for (const double h : steps) {
    const double differences = (at(h) - at(-h)) / (2 * h);
    result.quotients.push_back({h, differences, std::abs(differences - result.by_tape)});
  }
  return result;
}

}  // namespace gradus::ssgan
