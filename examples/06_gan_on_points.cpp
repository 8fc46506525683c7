// 06: a GAN learns a ring of points in the plane: 06_gan_on_points [PICTURE.svg]

#include <gradus/gradus.h>

#include "plot.h"

using namespace gradus;

constexpr int64_t kPoints = 256;

/// Points [kPoints, 2] at a distance of about 1 from the origin.
Tensor ring(Random& random) {
  const Var angle = uniform({kPoints}, random.next(), 0, 6.2832);
  const Var radius = normal({kPoints}, random.next(), 1, 0.05);
  return stack({radius * cos(angle), radius * sin(angle)}, 1).value();
}

/// How far the points are from the ring, on average.
double distance(const Tensor& points) {
  return mean(abs(sqrt(sum(Var(points) * Var(points), {1})) - 1)).value().item();
}

int main(int argc, char** argv) {
  Random random(1);
  Sequential generator{Linear{2, 64}, relu, Linear{64, 64}, relu, Linear{64, 2}};
  Sequential discriminator{Linear{2, 64}, relu, Linear{64, 64}, relu, Linear{64, 1}};
  generator.initialize(random);
  discriminator.initialize(random);
  Adam g_adam(generator, {.beta1 = 0.5}), d_adam(discriminator, {.beta1 = 0.5});
  Tensor first, last;
  for (int step = 0; step <= 3000; ++step) {
    const Pass pass = Pass::training(random);
    const Tensor real = ring(random);
    const Var fake = generator(pass, normal({kPoints, 2}, random.next()));
    const Var real_logits = discriminator(pass, real), fake_logits = discriminator(pass, fake);
    const Var d_loss = mean(softplus(-real_logits)) + mean(softplus(fake_logits));
    const Var g_loss = mean(softplus(-fake_logits));  // - log P(real) of what it has made
    // Both gradients of one forward pass, then both steps. `retain`: the tape is walked twice.
    const auto d_grads = pass.gradients(d_loss, discriminator.parameters(), true);
    const auto g_grads = pass.gradients(g_loss, generator.parameters());
    d_adam.step(d_grads, 1e-3);
    g_adam.step(g_grads, 1e-3);
    last = fake.value();
    if (step == 0) first = last;
    if (step % 500 == 0)
      fmt::print("step {:4}: d_loss {:.3f}, g_loss {:.3f}, distance from the ring {:.3f}\n", step,
                 d_loss.value().item(), g_loss.value().item(), distance(last));
  }
  Plot plot({.title = "a GAN on a ring",
             .x_range = std::pair{-2.0, 2.0},
             .y_range = std::pair{-2.0, 2.0},
             .width = 460,
             .height = 480});
  plot.points("real", ring(random), Svg::kGrey, 2);
  plot.points("generated at first", first, 1, 2);
  plot.points("generated at last", last, 0, 2);
  if (argc > 1) plot.save(argv[1]);
  return distance(last) < 0.5 * distance(first) ? 0 : 1;
}
