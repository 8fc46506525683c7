// A multilayer perceptron tells three arms of a spiral apart.

#include <fmt/core.h>
#include <gradus/gradus.h>

using namespace gradus;

struct Points {
  Tensor x, arm;  // f32 [N, 2], i32 [N]
};

Points spiral(int64_t count, Random& random) {
  std::vector<int32_t> arms(count);
  for (int64_t i = 0; i < count; ++i) arms[i] = static_cast<int32_t>(i % 3);
  const Tensor arm = Tensor::from<int32_t>(arms, {count});
  const Var radius = uniform({count}, random.next());
  const Var angle =
      5 * radius + 2.0944 * arm.to(DType::f32) + normal({count}, random.next(), 0, 0.15);
  return {stack({radius * cos(angle), radius * sin(angle)}, 1).value(), arm};
}

int main() {
  Random random(1);
  const Points points = spiral(600, random);
  Sequential model{Linear{2, 64}, relu, Linear{64, 64}, relu, Linear{64, 3}};
  model.initialize(random);
  Adam adam(model);
  for (int step = 0; step <= 300; ++step) {
    const Pass pass = Pass::training(random);
    const Var logits = model(pass, points.x);
    const Var loss = cross_entropy(logits, points.arm);
    adam.step(pass.gradients(loss, model.parameters()), 0.01);
    if (step % 100 == 0)
      fmt::print("step {}: loss {:.3f}, accuracy {:.3f}\n", step, loss.value().item(),
                 mean(equal(argmax(logits), points.arm)).item());
  }
}
