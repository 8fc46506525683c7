#include "autograd/ops.h"
#include "nn/checkpoint.h"
#include "nn/layers.h"
#include "tests/catch.h"
#include "tests/message_of.h"
#include "tests/temp_dir.h"
#include "tests/values.h"

using namespace gradus;

namespace {

/// A model with batch norm's running statistics and Adam's moments, trained on what the step draws.
struct Training {
  explicit Training(int64_t width = 5) : hidden(net, "hidden", {.in = 3, .out = width}) {
    Random random(2, Stream::init);
    net.initialize(random);
    adam.emplace(net);
  }

  void train(int first, int last) {
    for (int step = first; step < last; ++step) {
      Random random(7, Stream::train, Tensor::from<int32_t>({step}, {}));
      const Var x = normal({8, 3}, random.next());
      const Pass pass = Pass::training(random);
      const Var loss = mean(abs(norm(pass, hidden(pass, x)) - 1));
      adam->step(pass.gradients(loss, net.parameters()), 0.01);
    }
  }
  std::map<std::string, Tensor> state() {
    std::map<std::string, Tensor> all;
    net.save(all, "model.");
    adam->save(all, "optimizer.");
    return all;
  }

  Module net;
  Linear hidden;
  BatchNorm norm{net, "norm", {hidden.bias().value().count()}};
  std::optional<Adam> adam;
};

bool same(Training& a, Training& b) {
  const auto of_a = a.state(), of_b = b.state();
  for (const auto& [name, t] : of_a)
    if (!same_bits(t, of_b.at(name))) return false;
  return of_a.size() == of_b.size();
}

std::string load_error(const std::filesystem::path& path, Training& training) {
  return message_of<DataError>([&] { load_checkpoint(path, training.net, *training.adam); });
}

}  // namespace

TEST_CASE("checkpoints: ten steps are five, a file, and five", "[nn][checkpoint]") {
  const TempDir dir;
  Training through, first, second;
  through.train(0, 10);
  first.train(0, 5);
  save_checkpoint(dir / "five.safetensors", first.net, *first.adam, 5);
  CHECK(!same(first, second));
  CHECK(load_checkpoint(dir / "five.safetensors", second.net, *second.adam) == 5);
  CHECK(same(first, second));
  second.train(5, 10);
  CHECK(same(through, second));
}

TEST_CASE("checkpoints: what does not fit changes nothing", "[nn][checkpoint]") {
  const TempDir dir;
  Training five, seven(7), untouched(7);
  five.train(0, 3);
  const auto path = dir / "five.safetensors";
  save_checkpoint(path, five.net, *five.adam, 3);
  CHECK(load_error(path, seven) ==
        path.string() + ": tensor model.hidden.bias has shape [5]; [7] expected");
  CHECK(same(seven, untouched));

  TensorFile file = load_safetensors(path);
  file.tensors["optimizer.v.hidden.bias"] = Tensor::zeros({5}, DType::f32);
  save_safetensors(path, file);
  CHECK(load_error(path, five).find("five.safetensors: damaged: its checksum is ") !=
        std::string::npos);

  const auto fitting = [&](TensorFile changed) {
    add_checksum(changed);
    save_safetensors(path, changed);
    Training before, other;
    const std::string message = load_error(path, other);
    CHECK(same(before, other));
    return message.substr(path.string().size());
  };
  TensorFile less = file, more = file, no_step = file, other_step = file, other_format = file;
  less.tensors.erase("optimizer.v.norm.weight");
  CHECK(fitting(less) == ": no tensor optimizer.v.norm.weight; [5] expected");
  more.tensors["model.extra"] = Tensor::zeros({1}, DType::f32);
  CHECK(fitting(more) == ": it holds model.extra, which is not in the model");
  no_step.metadata.erase("step");
  CHECK(fitting(no_step) == ": no step");
  other_step.metadata["step"] = "3x";
  CHECK(fitting(other_step) == ": step 3x");
  other_format.metadata["format"] = "else";
  CHECK(fitting(other_format) == ": format else; gradus checkpoint 1 expected");

  save_safetensors(path, {five.state(), {}});
  CHECK(load_error(path, five) == path.string() + ": not a checkpoint of Gradus (no format)");
  CHECK(!load_error(dir / "missing", five).empty());
}
