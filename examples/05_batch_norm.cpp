// 05: batch norm's two faces: 05_batch_norm [PICTURE.svg]

#include <gradus/gradus.h>

#include "plot.h"

using namespace gradus;

int main(int argc, char** argv) {
  constexpr double kMomentum = 0.99;
  Random data(1, Stream::data);
  Tensor step = Tensor::zeros({}, DType::i32);  // the pass's step: what the correction counts by
  Random random(1, Stream::train, step);
  BatchNorm norm{BatchNorm::Options{.channels = 1, .momentum = kMomentum}};
  norm.initialize(random);
  const auto running = [&](int which) {
    return norm.named_buffers()[which].second->value().item();
  };

  // Training on batches of 128 numbers with mean 3 and standard deviation 0.5.
  std::vector<double> steps, corrected, uncorrected;
  double plain = 1;  // the same average without a correction for where it starts
  for (int t = 0; t < 300; ++t) {
    step.copy_from(Tensor::full({}, t, DType::i32));
    const Tensor batch = normal({128, 1}, data.next(), 3, 0.5);
    const Var y = norm(Pass::training(random).with(Statistics::batch_and_update), batch);
    plain = kMomentum * plain + (1 - kMomentum) * var(batch).item();
    steps.push_back(t + 1);
    corrected.push_back(running(1));
    uncorrected.push_back(plain);
    if (t == 0 || t == 54 || t == 299)
      fmt::print("step {:3}: mean {:.3f}, running variance {:.3f}, uncorrected {:.3f}\n", t + 1,
                 running(0), running(1), plain);
  }
  Plot plot({.title = "running variance of batches whose variance is 0.25",
             .x_label = "step",
             .y_label = "variance",
             .y_range = std::pair{0.0, 1.0}});
  plot.line("from 1, uncorrected", steps, uncorrected, 1);
  plot.line("corrected for its start", steps, corrected, 0);
  if (argc > 1) plot.save(argv[1]);

  // One number, 4, beside two different neighbours.
  std::vector<double> first;
  for (const Statistics statistics : {Statistics::batch, Statistics::running})
    for (const float neighbour : {3.F, 30.F}) {
      const Var y = norm(Pass::evaluation(statistics), Tensor::from<float>({4, neighbour}, {2, 1}));
      first.push_back(y.value().to_vector<float>()[0]);
      fmt::print("by {} statistics, beside {:2}: 4 becomes {:6.3f}\n",
                 statistics == Statistics::batch ? "the batch's" : "running    ", neighbour,
                 first.back());
    }

  // A bias before it cannot matter: the mean takes it away again.
  const auto tape = Tape::make();
  const Var x = tape->watch(normal({128, 1}, data.next(), 3, 0.5, DType::f64));
  const Var bias = tape->watch(Tensor::zeros({1}, DType::f64));
  const Var one = Tensor::full({1}, 1, DType::f64), zero = Tensor::zeros({1}, DType::f64);
  const Var loss = sum(tanh(batch_norm(x + bias, one, zero, 1e-3).y));
  const double slope = tape->gradients(loss, std::vector<Var>{bias})[0].item();
  fmt::print("gradient of a bias in front: {:.0e}\n", slope);
  const bool sound = first[0] > 0 && first[1] < 0 && first[2] == first[3] &&
                     std::abs(slope) < 1e-9 && std::abs(corrected[0] - 0.25) < 0.1 &&
                     uncorrected[0] > 0.9;
  return sound ? 0 : 1;
}
