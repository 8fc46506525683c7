#include "autograd/fusion.h"

#include "autograd/ops.h"
#include "nn/layers.h"
#include "nn/optim.h"
#include "tensor/backend.h"
#include "tensor/profiler.h"
#include "tests/catch.h"
#include "tests/emulation/emulated.h"
#include "tests/message_of.h"
#include "tests/op_cases.h"

// Operations whose kernels end with an activation: a value that is read and one that is not,
// readers in any order, and what is never allocated.

using namespace gradus;
namespace emulation = gradus::cuda::emulation;

namespace {

/// A batch norm and a convolution on one input, with the parameters of each.
struct Operation {
  const char* name;
  std::vector<Tensor> inputs;
  std::function<Var(const std::vector<Var>&)> call;
};

std::vector<Operation> operations(DType dtype, Device device) {
  const auto random = [&](const Shape& shape, unsigned seed) {
    return random_tensor(shape, dtype, seed).to(device);
  };
  const Tensor x = random({6, 4, 4, 16}, 1);
  return {{"batch_norm",
           {x, random({16}, 2), random({16}, 3)},
           [](const auto& in) { return batch_norm(in[0], in[1], in[2], 1e-3).y; }},
          {"conv2d",
           {x, random({16, 3, 3, 16}, 4), random({16}, 5)},
           [](const auto& in) { return conv2d(in[0], in[1], in[2], {.stride_h = 1}); }},
          {"conv_transpose2d", {x, random({16, 5, 5, 16}, 6), random({16}, 7)}, [](const auto& in) {
             return conv_transpose2d(in[0], in[1], in[2], {2, 2});
           }}};
}

/// The values of `call`'s results and the gradients of their weighed sum.
std::vector<Array> results(const Operation& op,
                           const std::function<std::vector<Var>(const Var& made)>& call) {
  const auto tape = Tape::make();
  std::vector<Var> inputs;
  for (const Tensor& t : op.inputs) inputs.push_back(tape->watch(t));
  const std::vector<Var> made = call(op.call(inputs));
  std::vector<Array> out;
  Var loss = Tensor::zeros({}, made[0].dtype(), made[0].device());
  for (const Var& v : made) {
    const Tensor weights = constant_like(v, random_array(v.shape(), 0.5, 1.5, 31));
    loss = loss + sum(v * weights);
  }
  for (const Tensor& g : tape->gradients(loss, inputs)) out.push_back(to_array(g));
  for (const Var& v : made) out.push_back(to_array(v.value()));
  return out;
}

void check_same(const std::vector<Array>& a, const std::vector<Array>& b, double tolerance) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    INFO("result " << i);
    CHECK(error_of(a[i], b[i]) <= tolerance);
  }
}

Var slope(const Var& x) { return leaky_relu(x, 0.2); }

/// Every activation, fused and after a value that was read before.
void check_every_activation(DType dtype, Device device, double tolerance) {
  const std::pair<const char*, Var (*)(const Var&)> activations[] = {
      {"leaky_relu", slope},
      {"relu", [](const Var& x) { return relu(x); }},
      {"elu", [](const Var& x) { return elu(x, 0.5); }},
      {"tanh", [](const Var& x) { return tanh(x); }},
      {"sigmoid", [](const Var& x) { return sigmoid(x); }}};
  for (const Operation& op : operations(dtype, device))
    for (const auto& [name, activation] : activations) {
      INFO(op.name << " and " << name << " on " << to_string(device));
      const auto fused = [&, f = activation](const Var& x) { return std::vector{f(x)}; };
      const auto apart = [&, f = activation](const Var& x) {
        x.value();
        // The second reader, of weight 0, keeps the derivatives apart too.
        return std::vector{f(x) + 0 * x};
      };
      check_same(results(op, fused), results(op, apart), tolerance);
    }
}

}  // namespace

TEST_CASE("fusion: every activation after every kernel that can end with it", "[fusion]") {
  check_every_activation(DType::f64, kCpu, 1e-13);
  check_every_activation(DType::f32, kCpu, 1e-5);
}

TEST_CASE("emulated fusion: every activation after every kernel that can end with it",
          "[fusion][cuda]") {
  emulation::emulated();
  check_every_activation(DType::f64, emulation::kEmulated, 1e-13);
  check_every_activation(DType::f32, emulation::kEmulated, 1e-5);
}

namespace {

/// The same values and gradients with and without fusion, within a tolerance; 0: the same bits.
void check_switch(DType dtype, Device device, double tolerance) {
  const std::function<std::vector<Var>(const Var&)> readers[] = {
      [](const Var& x) { return std::vector{slope(x)}; },
      [](const Var& x) { return std::vector{relu(x)}; },
      [](const Var& x) { return std::vector{elu(x, 0.5)}; },
      [](const Var& x) { return std::vector{tanh(x)}; },
      [](const Var& x) { return std::vector{sigmoid(x)}; },
      [](const Var& x) { return std::vector{exp(tanh(relu(x)))}; },
      [](const Var& x) { return std::vector{x}; },
      [](const Var& x) { return std::vector{x * sigmoid(x)}; },
      [](const Var& x) {
        return std::vector{relu(x) + tanh(x), x};
      }};
  std::vector<Operation> all = operations(dtype, device);
  for (const int64_t few : {1, 3, 5})  // whose sums take rows together
    all.push_back({"conv_transpose2d to few channels",
                   {random_tensor({8, 8, 8, 16}, dtype, 1).to(device),
                    random_tensor({16, 5, 5, few}, dtype, 2).to(device),
                    random_tensor({few}, dtype, 3).to(device)},
                   [](const auto& in) {
                     return conv_transpose2d(in[0], in[1], in[2], {2, 2});
                   }});
  for (const Operation& op : all)
    for (size_t i = 0; i < std::size(readers); ++i) {
      INFO(op.name << ", reader " << i << " on " << to_string(device));
      const std::vector<Array> fused = results(op, readers[i]);
      const Unfused off;
      const std::vector<Array> apart = results(op, readers[i]);
      REQUIRE(fused.size() == apart.size());
      for (size_t k = 0; k < fused.size(); ++k) {
        INFO("result " << k);
        if (tolerance == 0)
          CHECK(same_bits(fused[k], apart[k]));
        else
          CHECK(error_of(fused[k], apart[k]) <= tolerance);
      }
    }
}

}  // namespace

TEST_CASE("fusion: the same bits when it is switched off", "[fusion]") {
  check_switch(DType::f32, kCpu, 0);
  check_switch(DType::f64, kCpu, 0);
}

// A CUDA kernel may add dy * df without rounding it, where two kernels round between them.
TEST_CASE("emulated fusion: the same but for rounding when it is switched off", "[fusion][cuda]") {
  emulation::emulated();
  check_switch(DType::f32, emulation::kEmulated, 1e-5);
  check_switch(DType::f64, emulation::kEmulated, 1e-13);
}

TEST_CASE("fusion: no kernel runs twice where one operation reads a value and its activation",
          "[fusion]") {
  const std::pair<const char*, std::function<Var(const Var& h)>> readers[] = {
      {"h * sigmoid(h)", [](const Var& h) { return h * sigmoid(h); }},
      {"sigmoid(h) * h", [](const Var& h) { return sigmoid(h) * h; }},
      {"relu(h) - h", [](const Var& h) { return relu(h) - h; }},
      {"maximum(tanh(h), h)", [](const Var& h) { return maximum(tanh(h), h); }},
      {"concat",
       [](const Var& h) {
         return concat({relu(h), h, tanh(h)}, 0);
       }},
      {"stack",
       [](const Var& h) {
         return stack({relu(h), h});
       }},
      {"tanh(h) * sigmoid(h)", [](const Var& h) { return tanh(h) * sigmoid(h); }},
      {"three", [](const Var& h) { return tanh(h) * sigmoid(h) + relu(h); }},
      {"one after the other", [](const Var& h) { return exp(h) + relu(h); }},
      {"the activation alone", [](const Var& h) { return sum(relu(h)); }}};
  for (const auto& [name, reader] : readers) {
    INFO(name);
    const auto tape = Tape::make();
    const Var x = tape->watch(random_tensor({2, 4, 4, 3}, DType::f32, 1));
    const Var w = tape->watch(random_tensor({5, 3, 3, 3}, DType::f32, 2));
    Profiler profiler;
    static_cast<void>(reader(conv2d(x, w, {})).value());
    int64_t convolutions = 0;
    for (const Profiler::Row& row : profiler.rows())
      if (row.kernel.starts_with("conv ")) convolutions += row.calls;
    CHECK(convolutions == 1);
  }
}

TEST_CASE("fusion: a value is the same whether it is read before, after or by two", "[fusion]") {
  for (const Operation& op : operations(DType::f64, kCpu)) {
    INFO(op.name);
    const auto before = results(op, [](const Var& x) {
      x.value();
      return std::vector{slope(x), x};
    });
    check_same(results(op,
                       [](const Var& x) {
                         const Var y = slope(x);
                         x.value();
                         return std::vector{y, x};
                       }),
               before, 0);
    check_same(results(op,
                       [](const Var& x) {
                         const Var copy = x;  // shares what is pending
                         const Var y = slope(copy);
                         return std::vector{y, x};
                       }),
               before, 0);
    // Two activations: the first one's derivative is applied when the second one's arrives.
    const auto two = results(op, [](const Var& x) { return std::vector{slope(x), tanh(x)}; });
    check_same(results(op,
                       [](const Var& x) {
                         x.value();
                         return std::vector{slope(x), tanh(x)};
                       }),
               two, 1e-14);
  }
}

TEST_CASE("fusion: the gradient towards the value itself", "[fusion]") {
  for (const Operation& op : operations(DType::f64, kCpu)) {
    INFO(op.name);
    const auto tape = Tape::make();
    std::vector<Var> inputs;
    for (const Tensor& t : op.inputs) inputs.push_back(tape->watch(t));
    const Var x = op.call(inputs);
    const Var loss = sum(slope(x));
    const std::vector<Tensor> g = tape->gradients(loss, std::vector{x, inputs[0]}, true);
    Array expected = to_array(x.value());
    for (double& v : expected.v) v = v > 0 ? 1 : 0.2;
    CHECK(same_bits(to_array(g[0]), expected));
    const Tensor alone = tape->gradients(loss, std::vector{inputs[0]})[0];
    CHECK(error_of(to_array(g[1]), to_array(alone)) < 1e-13);
  }
}

TEST_CASE("fusion: the value before an activation is not allocated unless it is read", "[fusion]") {
  const CachingAllocator& memory = backend(kCpu).allocator();
  for (const Operation& op : operations(DType::f32, kCpu)) {
    INFO(op.name);
    const auto tape = Tape::make();
    std::vector<Var> inputs;
    for (const Tensor& t : op.inputs) inputs.push_back(tape->watch(t));
    const size_t before = memory.stats().live_blocks;
    const Var x = op.call(inputs);
    CHECK(memory.stats().live_blocks == before);
    const size_t statistics = op.name == std::string("batch_norm") ? 2 : 0;
    const Var y = slope(x);
    y.value();
    CHECK(memory.stats().live_blocks == before + statistics + 1);
    x.value();
    CHECK(memory.stats().live_blocks == before + statistics + 2);
  }
}

TEST_CASE("fusion: batch norm and dropout that nobody reads run no kernel", "[fusion]") {
  emulation::Emulated& device = emulation::emulated();
  const auto random = [](const Shape& shape, unsigned seed) {
    return random_tensor(shape, DType::f32, seed).to(emulation::kEmulated);
  };
  const auto tape = Tape::make();
  const Var x = tape->watch(random({2, 4, 4, 8}, 1)), w = tape->watch(random({8, 3, 3, 8}, 2)),
            gamma = tape->watch(random({8}, 3)), beta = tape->watch(random({8}, 4));
  const Var made = conv2d(x, w, {}, {});
  const BatchNormResult dead = batch_norm(made, gamma, beta, 1e-3);
  const Tensor step = Tensor::zeros({}, DType::i32).to(emulation::kEmulated);
  const Draw draw{1, Stream::train, 0, step};
  device.take_ranges();
  const Var dead_too = slope(dead.y), dropped = dropout(dead_too, 0.5, draw), read = slope(made);
  CHECK(device.take_ranges().empty());
  read.value();
  CHECK(device.take_ranges() == std::vector<std::string>{"conv"});

  // What is read after all is as it would have been.
  const BatchNormResult alive = batch_norm(made.value(), gamma, beta, 1e-3);
  CHECK(same_bits(dead.variance.value(), alive.variance.value()));
  CHECK(same_bits(dropped.value(), dropout(slope(alive.y.value()), 0.5, draw).value()));
  CHECK(same_bits(dead_too.value(), slope(alive.y).value()));
  static_cast<void>(tape->gradients(sum(dropped), std::vector{gamma}));
}

TEST_CASE("fusion: a value that could not be the same any more is an error", "[fusion]") {
  for (const Operation& op : operations(DType::f32, kCpu)) {
    Tensor w = op.inputs[1];
    const std::vector<Var> inputs(op.inputs.begin(), op.inputs.end());
    const Var read = op.call(inputs);
    const Var late = op.call(inputs);
    const Tensor value = read.value().clone();
    w.copy_from(w.clone());
    CHECK(same_bits(read.value(), value));
    const std::string name = op.name == std::string("batch_norm") ? "gamma" : "w";
    CHECK(
        message_of<Error>([&] { return late.value(); }) ==
        op.name + std::string(": its value needs ") + name +
            " as it was in the call, but that was overwritten since; ask for the value before, or "
            "clone " +
            name);
    CHECK_THROWS_AS(slope(late), Error);
  }
  Module net;
  Conv2d conv(net, "conv", {.in = 2, .out = 3});
  Random random(1, Stream::init);
  net.initialize(random);
  const Pass pass = Pass::training(random);
  const Var x = conv(pass, random_tensor({1, 4, 4, 2}, DType::f32, 1));
  const std::vector<Tensor> gradients = pass.gradients(sum(slope(x)), net.parameters());
  Adam(net).step(gradients, Tensor::full({}, 0.1, DType::f64));
  CHECK_THROWS_AS(x.value(), Error);
}

TEST_CASE("fusion: an operation of one's own between a pending value and its activation",
          "[fusion]") {
  for (const Operation& op : operations(DType::f64, kCpu)) {
    const auto gradient = [&](double scale) {
      const auto tape = Tape::make();
      std::vector<Var> inputs;
      for (const Tensor& t : op.inputs) inputs.push_back(tape->watch(t));
      Var y = op.call(inputs);
      if (scale != 1)
        y = Tape::record(
            "scale gradient", {y}, y.value(),
            [scale](const Tensor& dy, GradSink& grads) { grads.add(0, scale * Var(dy)); });
      return tape->gradients(sum(slope(y)), std::vector<Var>{inputs[0]})[0];
    };
    const Tensor want = (2 * Var(gradient(1))).value(), got = gradient(2);
    for (int64_t i = 0; i < want.count(); ++i)
      CHECK(std::abs(got.span<double>()[i] - want.span<double>()[i]) < 1e-12);
  }
}

TEST_CASE("fusion: what nobody reads is not computed, and keeps nothing alive", "[fusion]") {
  const CachingAllocator& memory = backend(kCpu).allocator();
  const size_t before = memory.stats().live_blocks;
  {
    const auto tape = Tape::make();
    const Var x = tape->watch(random_tensor({2, 4, 4, 3}, DType::f32, 1));
    const Var y = conv2d(exp(x), random_tensor({5, 3, 3, 3}, DType::f32, 2), {});
    CHECK(y.shape() == Shape{2, 4, 4, 5});
    CHECK(y.detach().shape() == y.shape());
    CHECK(memory.stats().live_blocks == before + 3);
  }
  CHECK(memory.stats().live_blocks == before);
}
