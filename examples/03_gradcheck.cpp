// 03: an activation of your own, and the proof of its gradient: 03_gradcheck [PICTURE.svg]

#include <gradus/gradus.h>

#include "plot.h"

using namespace gradus;

/// x / (1 + |x|), whose derivative is 1 / (1 + |x|)^2. `power` 2 is right; 1 is a planted mistake.
Var softsign(const Var& x, double power) {
  const Var y = x.detach() / (1 + abs(x.detach()));
  return Tape::record("softsign", {x}, y,
                      [saved = Saved("x", x.value()), power](const Tensor& dy, GradSink& grads) {
                        grads.add(0, dy * pow(1 + abs(Var(grads.read(saved))), -power));
                      });
}

GradcheckResult check(double power, double h) {
  const Tensor x = Tensor::from<double>({-2, -0.4, 0.3, 1, 3}, {5});
  return gradcheck([&](const std::vector<Var>& in) { return softsign(in[0], power); }, {x},
                   {.step = h});
}

int main(int argc, char** argv) {
  std::vector<double> steps, right, wrong;
  fmt::print("{:>6}  {:>12} {:>12}\n", "h", "right rule", "wrong rule");
  for (int exponent = -2; exponent >= -11; --exponent) {
    const double h = std::pow(10, exponent);
    steps.push_back(h);
    right.push_back(check(2, h).worst_error);
    wrong.push_back(check(1, h).worst_error);
    fmt::print("{:6.0e}  {:12.1e} {:12.1e}\n", h, right.back(), wrong.back());
  }
  Plot plot({.title = "worst error of a gradient check over the step h",
             .x_label = "h of (f(x + h) - f(x - h)) / 2h",
             .y_label = "error, relative",
             .log_x = true,
             .log_y = true});
  plot.line("right rule", steps, right, 0);
  plot.points("", steps, right, 0);
  plot.line("wrong rule", steps, wrong, 1);
  plot.points("", steps, wrong, 1);
  if (argc > 1) plot.save(argv[1]);

  const GradcheckResult good = check(2, 1e-5), bad = check(1, 1e-5);
  fmt::print("right: {}\nwrong: {}\n", good.worst, bad.worst);

  // |x| at 0: the slopes to the left and right differ, so no number is right. That is a kink.
  const GradcheckResult kink = gradcheck([](const std::vector<Var>& in) { return abs(in[0]); },
                                         {Tensor::from<double>({-1, 0, 2}, {3})});
  fmt::print("abs at -1, 0 and 2: {} compared, {} at a kink\n", kink.checked, kink.kinks);
  return good.ok && !bad.ok && kink.ok && kink.kinks == 1 ? 0 : 1;
}
