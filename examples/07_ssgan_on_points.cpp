// 07: the tutorial's three losses on points in the plane, with 3 labels a class. The generator
// matches features, or fools the discriminator, or there is none: 07_ssgan_on_points [match | fool
// | alone] [SEED] [PICTURE.svg]

#include <gradus/gradus.h>

#include "plot.h"

using namespace gradus;

struct Points {
  Tensor x, y;  // f32 [N, 2], i32 [N]
};

/// Two half rings that reach into each other, one a class.
Points moons(int64_t count, Random& random) {
  std::vector<int32_t> classes(count);
  for (int64_t i = 0; i < count; ++i) classes[i] = int32_t(i % 2);
  const Tensor y = Tensor::from<int32_t>(classes, {count});
  const Var side = 1 - 2 * Var(y.to(DType::f32)), a = uniform({count}, random.next(), 0, 3.1416);
  const Var noise = normal({count, 2}, random.next(), 0, 0.1);
  return {(stack({side * (cos(a) - 0.5), side * (sin(a) - 0.25)}, 1) + noise).value(), y};
}

int main(int argc, char** argv) {
  const std::string goal = argc > 1 ? argv[1] : "match";
  Random random(argc > 2 ? std::stoull(argv[2]) : 1);
  const Points labelled = moons(6, random), test = moons(2000, random);
  Sequential generator{Linear{2, 64}, relu, Linear{64, 64}, relu, Linear{64, 2}};
  Sequential features{Linear{2, 64}, relu, Linear{64, 64}, relu};
  Linear dense{64, 2};
  for (Module* m : std::vector<Module*>{&generator, &features, &dense}) m->initialize(random);
  Adam g_adam(generator, {.beta1 = 0.5}), f_adam(features, {.beta1 = 0.5});
  Adam d_adam(dense, {.beta1 = 0.5});
  const Pass evaluation = Pass::evaluation(Statistics::batch);
  Tensor made, unlabelled;
  for (int step = 0; step <= 3000; ++step) {
    const Pass pass = Pass::training(random);
    Var d_loss = cross_entropy(dense(pass, features(pass, labelled.x)), labelled.y), g_loss;
    if (goal != "alone") {
      unlabelled = moons(256, random).x;
      const Var fake = generator(pass, normal({256, 2}, random.next()));
      const Var data_features = features(pass, unlabelled), fake_features = features(pass, fake);
      const Var gan_data = logsumexp(dense(pass, data_features), {1});
      const Var gan_fake = logsumexp(dense(pass, fake_features), {1});
      d_loss = d_loss + mean(softplus(-gan_data)) + mean(softplus(gan_fake));
      g_loss = goal == "fool" ? mean(softplus(-gan_fake))
                              : mean(abs(mean(data_features, {0}) - mean(fake_features, {0})));
      made = fake.value();
    }
    const auto f_grads = pass.gradients(d_loss, features.parameters(), true);
    const auto d_grads = pass.gradients(d_loss, dense.parameters(), true);
    if (g_loss.defined()) g_adam.step(pass.gradients(g_loss, generator.parameters()), 1e-3);
    f_adam.step(f_grads, 1e-3);
    d_adam.step(d_grads, 1e-3);
    if (step % 500) continue;
    const Tensor guess = argmax(dense(evaluation, features(evaluation, test.x)));
    fmt::print("step {:4}: d_loss {:.3f}, accuracy {:.3f}\n", step, d_loss.value().item(),
               mean(equal(guess, test.y)).item());
  }
  if (argc <= 3) return 0;
  Plot plot({.title = "what the discriminator takes for which class (" + goal + ")",
             .x_range = std::pair{-2.0, 2.0},
             .y_range = std::pair{-1.5, 1.5},
             .width = 600,
             .height = 480});
  std::vector<float> grid;
  for (int i = 0; i < 40 * 30; ++i)
    grid.insert(grid.end(), {i / 30 * .1F - 1.95F, i % 30 * .1F - 1.45F});
  const Tensor at = Tensor::from<float>(grid, {40 * 30, 2});
  const Tensor region = argmax(dense(evaluation, features(evaluation, at)));
  for (int k : {0, 1}) plot.squares(fmt::format("class {}", k), at, equal(region, k), k, 0.1);
  if (made.defined()) {
    plot.points("unlabelled", unlabelled, Svg::kGrey, 2);
    plot.points("generated", made, 2, 2);
  }
  plot.points("labelled", labelled.x, 3, 6);
  plot.save(argv[3]);
}
