// An operation of one's own: its gradient is checked, then a line is fitted with it as the loss.

#include <fmt/core.h>
#include <gradus/gradus.h>

#include <cmath>

using namespace gradus;

/// log(cosh(x)) = |x| + softplus(-2 |x|) - log(2), which does not overflow; its derivative is
/// tanh(x). As a loss it counts outliers less than squares do.
Var log_cosh(const Var& x) {
  const Var size = abs(x.detach());
  const Var y = size + softplus(-2 * size) - std::log(2);
  return Tape::record("log_cosh", {x}, y,
                      [x = Saved("x", x.value())](const Tensor& dy, GradSink& grads) {
                        grads.add(0, dy * tanh(Var(grads.read(x))));
                      });
}

int main() {
  Random random(1);
  const auto check = gradcheck([](const std::vector<Var>& in) { return log_cosh(in[0]); },
                               {normal({4, 5}, random.next(), 0, 2, DType::f64)});
  fmt::print("gradcheck {}: {} values, worst error {:.1e}\n", check.ok ? "passed" : "failed",
             check.checked, check.worst_error);

  // y = 3 x - 1, but for one value in ten.
  const Var x = uniform({100, 1}, random.next(), -1, 1);
  const Var is_outlier = uniform({100, 1}, random.next()) < 0.1;
  const Var y = where(is_outlier, 20, 3 * x - 1);

  Linear line{1, 1};
  line.initialize(random);
  Adam adam(line);
  for (int step = 0; step <= 300; ++step) {
    const Pass pass = Pass::training(random);
    const Var loss = mean(log_cosh(line(pass, x) - y));
    adam.step(pass.gradients(loss, line.parameters()), 0.05);
    if (step % 100 == 0) fmt::print("step {}: loss {:.3f}\n", step, loss.value().item());
  }
  fmt::print("y = {:.2f} x + {:.2f}\n", line.weight().value().item(), line.bias().value().item());
  return check.ok ? 0 : 1;
}
