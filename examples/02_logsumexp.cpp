// 02: log(sum(exp(logits))) in f32, as it is written and as it is computed: 02_logsumexp
// [PICTURE.svg]

#include <gradus/gradus.h>

#include "plot.h"

using namespace gradus;

int main(int argc, char** argv) {
  // Ten logits of one image; what is added to all of them moves only "how real", not "which class".
  const Tensor logits = Tensor::from<float>({2, 0, -1, 0.5, 1, -2, 0, 0.3, -0.7, 1.2}, {10});
  Plot plot({.title = "gan_logit of ten logits in f32",
             .x_label = "a number added to all ten logits",
             .y_label = "gan_logit",
             .x_range = std::pair{-150.0, 150.0},
             .y_range = std::pair{-150.0, 150.0}});
  std::vector<double> shifts, naive, stable;
  bool is_sound = true;
  fmt::print("{:>6}  {:>10} {:>10}  {:>12} {:>12}\n", "shift", "naive", "logsumexp", "P(real)",
             "P, class 0");
  for (int shift = -150; shift <= 150; shift += 2) {
    const Var x = Var(logits) + shift;
    shifts.push_back(shift);
    naive.push_back(log(sum(exp(x))).value().item());
    stable.push_back(logsumexp(x).value().item());
    const double exact = logsumexp(Var(logits.to(DType::f64))).value().item() + shift;
    is_sound = is_sound && std::abs(stable.back() - exact) < 1e-5 * std::max(1.0, std::abs(exact));
    if (shift % 50 && std::abs(shift) != 4) continue;
    const double z = std::exp(stable.back());  // P(real) = Z / (Z + 1)
    const double p = sigmoid(Var(Tensor::full({}, stable.back(), DType::f32))).value().item();
    fmt::print("{:6}  {:>10.4f} {:>10.4f}  {:12.4e} {:12.6f}\n", shift, naive.back(), stable.back(),
               p, softmax(x).value().to_vector<float>()[0]);
    if (shift == 4) is_sound = is_sound && std::abs(p - z / (z + 1)) < 1e-6;
  }
  plot.line("log(sum(exp(x)))", shifts, naive, 1, 6);
  plot.line("m + log(sum(exp(x - m))), m the largest", shifts, stable, 0);
  if (argc > 1) plot.save(argv[1]);

  // The gradient of logsumexp is the softmax: it sums to 1, so "more real" is shared among classes.
  const auto tape = Tape::make();
  const Var x = tape->watch(logits);
  const Tensor share = tape->gradients(logsumexp(x), std::vector<Var>{x})[0];
  fmt::print("gradient of gan_logit with respect to the logits: their softmax, sum {:.6f}\n",
             sum(share).item());
  return is_sound ? 0 : 1;
}
