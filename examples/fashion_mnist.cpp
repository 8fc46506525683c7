// A small convolutional network learns Fashion-MNIST: fashion_mnist [STEPS]

#include <fmt/core.h>
#include <gradus/gradus.h>

using namespace gradus;

struct Classifier : Module {
  Conv2d conv1{*this, "conv1", {.in = 1, .out = 16, .stride = 2}};
  Conv2d conv2{*this, "conv2", {.in = 16, .out = 32, .stride = 2}};
  Linear dense{*this, "dense", {.in = 7 * 7 * 32, .out = 10}};

  Var operator()(const Pass& pass, const Tensor& images) const {
    const Var x = Var(images.to(DType::f32)) / 127.5 - 1;
    const Var h = relu(conv2(pass, relu(conv1(pass, x))));
    return dense(pass, reshape(h, {-1, 7 * 7 * 32}));
  }
};

struct Images {
  Tensor pixels, labels;  // u8 [N, 28, 28, 1], i32 [N]

  explicit Images(const std::filesystem::path& prefix)
      : pixels(
            read_idx(prefix.string() + "-images-idx3-ubyte.gz", 3).values.reshape({-1, 28, 28, 1})),
        labels(read_idx(prefix.string() + "-labels-idx1-ubyte.gz", 1).values.to(DType::i32)) {}
};

int main(int argc, char** argv) try {
  const int steps = argc > 1 ? std::stoi(argv[1]) : 1000;
  const std::filesystem::path folder = find_mnist(MnistKind::fashion, {});
  const Images train(folder / "train"), test(folder / "t10k");
  Random random(1);
  Classifier model;
  model.initialize(random);
  Adam adam(model);
  Batches batches(train.labels.count(), 64, 1);
  for (int step = 0; step < steps; ++step) {
    const std::vector<int32_t> rows =
        batches.at(step / batches.per_epoch(), step % batches.per_epoch());
    const Tensor index = Tensor::from<int32_t>(rows, {static_cast<int64_t>(rows.size())});
    const Pass pass = Pass::training(random);
    const Var logits = model(pass, gather(train.pixels, index));
    const Var loss = cross_entropy(logits, gather(train.labels, index));
    adam.step(pass.gradients(loss, model.parameters()), 1e-3);
    if (step % 100 == 0) fmt::print("step {}: loss {:.3f}\n", step, loss.value().item());
  }
  const Var logits = model(Pass::evaluation(Statistics::running), test.pixels);
  fmt::print("test accuracy {:.3f}\n", mean(equal(argmax(logits), test.labels)).item());
} catch (const DataError& e) {
  fmt::print("skipped: {}\n", e.what());
}
