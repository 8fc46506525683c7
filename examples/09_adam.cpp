// 09: what Adam does with a gradient, whatever its size: 09_adam [PICTURE.svg]

#include "plot.h"

using namespace gradus;

/// A long, narrow valley: 50 times as steep across as along.
Var valley(const Var& x) { return sum(x * x * Tensor::from<float>({25, 0.5}, {2})); }

struct Point : Module {
  Parameter at{*this, "at", {2}, constant(0)};
};

/// The way of 60 steps downhill from (-0.9, -4), as points [60, 2].
template <class Optimizer, class Update>
Tensor way(const Update& update, double lr) {
  Point point;
  point.at.copy_from(Tensor::from<float>({-0.9F, -4}, {2}));
  Optimizer optimizer(point, update);
  Random random(1);
  std::vector<Var> way;
  for (int t = 0; t < 60; ++t) {
    way.push_back(point.at.value().clone());
    const Pass pass = Pass::training(random);
    optimizer.step(pass.gradients(valley(pass.use(point.at)), point.parameters()), lr);
  }
  return stack(way).value();
}

/// The rms of Adam's steps over the learning rate, for normal gradients of this size and mean.
double step_size(double size, double mean_over_size) {
  Point point;
  Adam adam(point, {.beta1 = 0.5});
  Random random(1);
  double sum = 0;
  Tensor before = point.at.value().clone();
  for (int t = 1; t <= 2000; ++t) {
    adam.step({normal({2}, random.next(), size * mean_over_size, size)}, 1e-3);
    const Var step = (Var(point.at.value()) - before) / 1e-3;
    if (t > 1000) sum += mean(step * step).value().item() / 1000;
    before = point.at.value().clone();
  }
  return std::sqrt(sum);
}

int main(int argc, char** argv) {
  const Tensor sgd = way<Sgd>(SgdUpdate{}, 0.035), adam = way<Adam>(AdamUpdate{.beta1 = 0.5}, 0.2);
  fmt::print("first move of gradient descent {:6.3f} {:6.3f}, of Adam {:6.3f} {:6.3f}\n",
             sgd.span<float>()[2] + 0.9, sgd.span<float>()[3] + 4, adam.span<float>()[2] + 0.9,
             adam.span<float>()[3] + 4);
  Plot plot({.title = "60 steps down a narrow valley, whose lowest point is (0, 0)",
             .x_range = std::pair{-1.0, 1.0},
             .y_range = std::pair{-4.0, 1.0}});
  plot.way("gradient descent, 0.035", sgd, 1);
  plot.way("Adam, 0.2", adam, 0);
  if (argc > 1) plot.save(argv[1]);

  const double steady = step_size(1, 10), tiny = step_size(1e-6, 10), noise = step_size(1, 0),
               tiny_noise = step_size(1e-6, 0);
  fmt::print(
      "rms step / learning rate: {:.2f} for a steady gradient of 10, {:.2f} for one of 1e-5\n",
      steady, tiny);
  fmt::print("{:.2f} for noise of size 1, {:.2f} for noise of size 1e-6\n", noise, tiny_noise);
  return std::abs(steady - 1) < 0.05 && std::abs(tiny - steady) < 0.05 &&
                 std::abs(tiny_noise - noise) < 0.05
             ? 0
             : 1;
}
