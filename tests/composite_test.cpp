#include "autograd/composite.h"

#include "autograd/ops.h"
#include "nn/clip.h"
#include "nn/weight_norm.h"
#include "tests/catch.h"
#include "tests/message_of.h"
#include "tests/op_cases.h"

// What is made of other operations goes by the name that the caller wrote: in errors and on the
// tape.

using namespace gradus;

namespace {

struct Row {
  const char* name;
  std::function<Var(const Var& x)> call;
  Shape shape = {4, 3};
  bool any_dtype = false;
};

const Shape kImages{1, 4, 4, 2};

std::vector<Row> rows() {
  const auto c = [](const Var& x, const Shape& s) {
    return Tensor::full(s, 1, x.defined() && is_float(x.dtype()) ? x.dtype() : DType::f64);
  };
  return {
      {"neg", [](auto& x) { return -x; }},
      {"add", [](auto& x) { return x + 1; }},
      {"sub", [](auto& x) { return x - 1; }},
      {"sub", [](auto& x) { return 1 - x; }},
      {"mul", [](auto& x) { return x * 2; }},
      {"mul", [](auto& x) { return 2 * x; }},
      {"div", [](auto& x) { return x / 2; }},
      {"maximum", [](auto& x) { return maximum(x, 0.1); }},
      {"mean", [](auto& x) { return mean(x); }},
      {"mean", [](auto& x) { return mean(x, {0}, true); }},
      {"mean", [](auto& x) { return mean(x, {0}); }, {4, 0}},
      {"softmax", [](auto& x) { return softmax(x); }},
      {"log_softmax", [](auto& x) { return log_softmax(x, 0); }},
      {"batch_norm",
       [c](auto& x) {
         return batch_norm_with(c(x, {3}), c(x, {3}), x, c(x, {3}), c(x, {3}), 1e-3);
       }},
      {"layer_norm", [c](auto& x) { return layer_norm(x, c(x, {3}), c(x, {3}), 1e-3); }},
      {"l1_loss",
       [c](auto& x) {
         return l1_loss(x, c(x, {4, 3}));
       }},
      {"mse_loss",
       [c](auto& x) {
         return mse_loss(x, c(x, {4, 3}), Total::sum);
       }},
      {"huber_loss",
       [c](auto& x) {
         return huber_loss(x, c(x, {4, 3}));
       }},
      {"weight_norm",
       [c](auto& x) {
         return weight_norm(x, c(x, {4}), {4, 3, 1});
       }},
      {"weight_norm",
       [c](auto& x) {
         return weight_norm(c(x, {4, 3}), x, {4, 3, 1});
       },
       {4}},
      {"pad",
       [](auto& x) {
         return pad(x, {{1, 0}, {0, 2}});
       },
       {4, 3},
       true},
      {"avg_pool2d",
       [](auto& x) {
         return avg_pool2d(x, {2, 2, 2, 2});
       },
       kImages},
      {"avg_pool2d",
       [](auto& x) {
         return avg_pool2d(x, {3, 3, 2, 2, Padding::same()}, Divisor::elements);
       },
       kImages},
      {"global_avg_pool2d", [](auto& x) { return global_avg_pool2d(x); }, kImages},
      {"upsample_nearest2d", [](auto& x) { return upsample_nearest2d(x, 2); }, kImages},
      {"upsample_bilinear2d", [](auto& x) { return upsample_bilinear2d(x, 2); }, kImages},
      {"upsample_bilinear2d", [](auto& x) { return upsample_bilinear2d(x, 2); }, {0, 4, 4, 2}},
  };
}

}  // namespace

TEST_CASE("composites: errors have the name that the caller wrote", "[ops][errors]") {
  for (const Row& row : rows()) {
    INFO(row.name);
    const std::string undefined = row.name + std::string(": an operand is undefined");
    CHECK(message_of<Error>([&] { return row.call(Var()); }) == undefined);
    if (!row.any_dtype)
      for (const DType dtype : {DType::i32, DType::u8})
        CHECK_THAT(message_of<TypeError>([&] { return row.call(Tensor::zeros(row.shape, dtype)); }),
                   Catch::Matchers::StartsWith(row.name + std::string(": ")));
  }
}

TEST_CASE("composites: the tape has the name that the caller wrote", "[ops]") {
  for (const Row& row : rows()) {
    INFO(row.name);
    const auto tape = Tape::make();
    const Var x = tape->watch(random_tensor(row.shape, DType::f64, 1));
    const Var y = row.call(x);
    CHECK(y.tracked());
    for (int i = 1; i < tape->size(); ++i) CHECK(tape->operation(i).name == std::string(row.name));
    const Var after = exp(x);  // whose name is its own again
    CHECK(tape->operation(tape->node_of(after)).name == std::string("exp"));
  }
}

TEST_CASE("composites: the outer one's name counts, and ends with it", "[ops]") {
  const auto tape = Tape::make();
  const Var x = tape->watch(random_tensor({4, 3}, DType::f64, 1));
  const auto name_of = [&](const Var& v) {
    return std::string(tape->operation(tape->node_of(v)).name);
  };
  {
    const Composite name("own");
    CHECK(name_of(softmax(x)) == "own");
    CHECK(name_of(x * 2) == "own");
    CHECK(message_of<Error>([&] { return mean(Var()); }) == "own: an operand is undefined");
    const auto other = Tape::make();
    const Var there = other->watch(random_tensor({4, 3}, DType::f64, 1));
    CHECK(message_of<TapeError>([&] { return x + there; }) == "own: its inputs are on two tapes");
  }
  CHECK(name_of(softmax(x)) == "softmax");
  CHECK_THROWS_AS(mean(Var()), Error);
  CHECK(name_of(tanh(x)) == "tanh");
}

TEST_CASE("composites: clipping gradients", "[nn][errors]") {
  const std::vector<Tensor> bad{Tensor::zeros({2}, DType::i32)};
  CHECK(message_of<TypeError>([&] { return clip_by_global_norm(bad, 1); }) ==
        "clip_by_global_norm: needs f32 or f64, got i32");
  CHECK(message_of<TypeError>([&] { return clip_by_value(bad, 1); }) ==
        "clip_by_value: needs f32 or f64, got i32");
  const std::vector<Tensor> two{Tensor::zeros({2}, DType::f32), Tensor::zeros({2}, DType::f64)};
  CHECK_THAT(message_of<TypeError>([&] { return clip_by_global_norm(two, 1); }),
             ContainsSubstring("clip_by_global_norm: operands are f32 and f64"));
}
