// 08: the tutorial's step; its gradients, and what Adam does to one bias, are then computed by
// hand: 08_one_step_by_hand [PULLS.svg]

#include "small_tutorial.h"
#include "svg.h"

using namespace gradus;

constexpr int64_t kReal = 40, kLabelled = 20, kFake = 32;
double largest(const Var& x) { return max(abs(x)).value().item(); }

int main(int argc, char** argv) {
  Sequential generator = small_generator(), features = small_features();
  Linear dense{16, 10};
  Random random(1);
  for (Module* module : std::vector<Module*>{&generator, &features, &dense}) {
    module->initialize(random);
    module->to(DType::f64);
  }
  Adam g_adam(generator, {.beta1 = 0.5}), f_adam(features, {.beta1 = 0.5});
  Adam d_adam(dense, {.beta1 = 0.5});
  std::vector<int32_t> classes;
  for (int32_t i = 0; i < kLabelled; ++i) classes.push_back(i % 10);
  const Tensor y = Tensor::from<int32_t>(classes, {kLabelled});
  double m = 0, v = 0, bias = 0, worst = 0;  // of dense.bias[3]; the largest difference
  for (int t = 1; t <= 60; ++t) {
    const Pass pass = Pass::training(random);
    const Var fake = generator(pass, normal({kFake, 100}, random.next(), 0, 1, DType::f64));
    const Var data_features = features(pass, stripes(kReal, random));
    const Var fake_features = features(pass, fake);
    const Var on_data = dense(pass, data_features), on_fake = dense(pass, fake_features);
    const Var gan_data = logsumexp(on_data, {1}, true), gan_fake = logsumexp(on_fake, {1}, true);
    const Var labelled = slice(on_data, 0, 0, kLabelled);
    const Var d_real = mean(softplus(-gan_data)), d_fake = mean(softplus(gan_fake));
    const Var d_class = cross_entropy(labelled, y), d = d_class + d_real + d_fake;
    const Var g = mean(abs(mean(data_features, {0}) - mean(fake_features, {0})));
    // Every gradient is taken at the old weights; then everything steps.
    const auto at_logits = pass.tape()->gradients(d, std::vector<Var>{on_data, on_fake}, true);
    const auto f_grads = pass.gradients(d, features.parameters(), true);
    const auto d_grads = pass.gradients(d, dense.parameters(), true);
    g_adam.step(pass.gradients(g, generator.parameters()), 3e-4);
    f_adam.step(f_grads, 3e-4);
    d_adam.step(d_grads, 3e-4);

    // By hand: where each loss pulls the logits of its images (minus its gradient), ...
    const Var real_pull = (1 - sigmoid(gan_data.detach())) * softmax(on_data.detach());
    const Var fake_pull = -sigmoid(gan_fake.detach()) * softmax(on_fake.detach());
    const Var class_pull = one_hot(y, 10, DType::f64) - softmax(labelled.detach());
    const Var data_grad =
        -real_pull / kReal - pad(class_pull / kLabelled, {{0, kReal - kLabelled}, {0, 0}});
    const Var fake_grad = -fake_pull / kFake;
    // ... which sum to the gradient of the last bias, and the step that Adam makes of that.
    const Tensor bias_grad = (sum(data_grad, {0}) + sum(fake_grad, {0})).value();
    const double slope = bias_grad.span<double>()[3];
    m = 0.5 * m + 0.5 * slope;
    v = 0.999 * v + 0.001 * slope * slope;
    const double rate = 3e-4 * std::sqrt(1 - std::pow(0.999, t)) / (1 - std::pow(0.5, t));
    const double step = -rate * m / (std::sqrt(v) + 1e-8);
    bias += step;
    worst = std::max({worst, largest(data_grad - at_logits[0]), largest(fake_grad - at_logits[1]),
                      largest(bias_grad - Var(d_grads[1])),
                      std::abs(bias - dense.bias().value().span<double>()[3])});
    if (t > 3 && t % 20) continue;
    fmt::print("step {:2}: d_class {:.4f}, d_real {:.4f}, d_fake {:.4f}, g {:.4f}\n", t,
               d_class.value().item(), d_real.value().item(), d_fake.value().item(),
               g.value().item());
    fmt::print("  dense.bias[3]: gradient {:9.6f}, step / learning rate {:7.4f}\n", slope,
               step / 3e-4);
    if (t < 60 || argc < 2) continue;
    Svg svg(660, 260);
    svg.bars(20, "real: (1 - P) softmax", slice(real_pull, 0, 23, 24).value().to_vector<double>());
    svg.bars(235, "labelled 3: one_hot - softmax",
             slice(class_pull, 0, 3, 4).value().to_vector<double>());
    svg.bars(450, "generated: -P softmax", slice(fake_pull, 0, 0, 1).value().to_vector<double>());
    svg.save(argv[1]);
  }
  fmt::print("largest difference between by hand and by the tape or Adam: {:.0e}\n", worst);
  return worst < 1e-12 ? 0 : 1;
}
