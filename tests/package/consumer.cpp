#include <gradus/gradus.h>

#include <cstdio>

// Learns y = 2 x from four points; the status says whether it did.
int main() {
  using namespace gradus;
  struct Net : Module {
    Linear line{*this, "line", {.in = 1, .out = 1}};
  } net;
  Random random(1, Stream::init);
  net.initialize(random);
  Adam adam(net, {});
  const Var x = Tensor::from<float>({-1, 0, 1, 2}, {4, 1});
  const Var y = Tensor::from<float>({-2, 0, 2, 4}, {4, 1});
  double loss = 1;
  for (int step = 0; step < 2000 && loss > 1e-6; ++step) {
    const Pass pass = Pass::training(random);
    const Var error = net.line(pass, x) - y;
    const Var mse = mean(error * error);
    adam.step(pass.gradients(mse, net.parameters()), Tensor::full({}, 0.01, DType::f64));
    loss = mse.value().item();
  }
  std::printf("loss %.1e\n", loss);
  return loss > 1e-6;
}
