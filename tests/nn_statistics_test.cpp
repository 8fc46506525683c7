#include "autograd/ops.h"
#include "nn/layers.h"
#include "tensor/backend.h"
#include "tests/catch.h"
#include "tests/values.h"

using namespace gradus;

namespace {

/// The running mean, then the variance.
std::vector<double> statistics_of(BatchNorm& norm) {
  std::vector<double> all;
  for (const auto& [name, b] : norm.named_buffers()) {
    const std::vector<double> v = to_array(b->value()).v;
    all.insert(all.end(), v.begin(), v.end());
  }
  return all;
}

}  // namespace

TEST_CASE("layers: running statistics are not pulled towards their start", "[nn]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    Module root(dtype);
    BatchNorm norm(root, "norm", {.channels = 2, .momentum = 0.9});
    Tensor step = Tensor::zeros({}, DType::i32);
    Random random(1, Stream::train, step);
    double weight = 0;
    std::vector<double> sums(4);
    for (unsigned t = 0; t < 5; ++t) {
      const Tensor x = random_tensor({50, 2}, dtype, 20 + t, -1 + double(t), 3);
      const Var y = norm(Pass::training(random), x);
      const auto batch =
          batch_norm(x, Tensor::full({2}, 1, dtype), Tensor::zeros({2}, dtype), 1e-3);
      const Array mean = to_array(batch.mean.value()), variance = to_array(batch.variance.value());
      weight = 0.9 * weight + 0.1;
      for (int64_t c = 0; c < 2; ++c) {
        sums[c] = 0.9 * sums[c] + 0.1 * mean.v[c];
        sums[2 + c] = 0.9 * sums[2 + c] + 0.1 * variance.v[c];
      }
      const std::vector<double> running = statistics_of(norm);
      for (int64_t i = 0; i < 4; ++i)
        CHECK(std::abs(running[i] - sums[i] / weight) < (dtype == DType::f32 ? 1e-5 : 1e-12));
      backend(step).increment(step);
    }
  }
}

TEST_CASE("layers: evaluation by running statistics is right after one step", "[nn]") {
  Module root(DType::f64);
  BatchNorm norm(root, "norm", {.channels = 3});
  Random init(2, Stream::init);
  root.initialize(init);
  Random random(1, Stream::train, Tensor::zeros({}, DType::i32));
  const Tensor x = random_tensor({40, 3}, DType::f64, 3, -0.01, 0.2);
  const Array trained = to_array(norm(Pass::training(random), x).value());
  const Array evaluated = to_array(norm(Pass::evaluation(Statistics::running), x).value());
  CHECK(error_of(evaluated, trained) < 1e-9);
}

TEST_CASE("layers: the step that statistics read takes no draw from the stream", "[nn]") {
  Random random(4, Stream::train, Tensor::zeros({}, DType::i32));
  const Pass pass = Pass::training(random);
  CHECK(pass.step().to_vector<int32_t>() == std::vector<int32_t>{0});
  CHECK(pass.draw().index == 0);
  CHECK(pass.draw().index == 1);
  CHECK_FALSE(Pass::evaluation(Statistics::running).step().defined());
}
