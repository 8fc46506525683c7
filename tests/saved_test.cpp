#include "autograd/saved.h"

#include "autograd/ops.h"
#include "nn/layers.h"
#include "nn/optim.h"
#include "tensor/backend.h"
#include "tests/catch.h"
#include "tests/message_of.h"
#include "tests/op_cases.h"

// What a backward rule reads is as it was in the forward pass, or an error names the operation and
// the value. No alarm where the value is not needed.

using namespace gradus;

namespace {

/// Other bytes everywhere, of values that every operation takes.
void overwrite(Tensor t) { t.copy_from(Tensor::full(t.shape(), 1, t.dtype(), t.device())); }

struct Forward {
  std::shared_ptr<Tape> tape = Tape::make();
  std::vector<Var> inputs;
  Var y, loss;

  explicit Forward(const OpCase& c) {
    for (const Array& a : values_of(c)) inputs.push_back(tape->watch(to_tensor(a, DType::f64)));
    y = c.call(inputs);
    loss = sum(y * constant_like(y, random_array(y.shape(), 0.5, 1.5, 31)));
  }
  std::vector<Tensor> gradients() { return tape->gradients(loss, inputs); }
};

/// Whether the message is one that names the operation and the value.
bool is_alarm(const std::string& message) {
  return message.find(": its gradient needs ") > 0 &&
         message.find(" as it was in the call, but that was overwritten since; ") !=
             std::string::npos;
}

Tensor numbers(const Shape& shape) { return random_tensor(shape, DType::f64, 1, 0.5, 2); }

/// An operation on x [2, 3] and a tensor that is not on the tape.
struct Case {
  const char* alarm;  ///< the operation and the value; null where the value is not needed
  Tensor other;
  std::function<Var(const Var& x, const Tensor& other)> call;
};

std::vector<Case> cases() {
  const Shape s{2, 3};
  const auto image = [](const Var& x) { return reshape(x, {1, 2, 1, 3}); };
  const auto index = [](std::initializer_list<int32_t> values) {
    return Tensor::from(values, {static_cast<int64_t>(values.size())});
  };
  const Tensor c = numbers({3});
  return {
      {"mul: its gradient needs b", numbers(s), [](auto& x, auto& t) { return x * t; }},
      {"mul: its gradient needs a", numbers(s), [](auto& x, auto& t) { return t * x; }},
      {"div: its gradient needs b", numbers(s), [](auto& x, auto& t) { return x / t; }},
      {"maximum: its gradient needs b", numbers(s), [](auto& x, auto& t) { return maximum(x, t); }},
      {"matmul: its gradient needs b", numbers({3, 2}),
       [](auto& x, auto& t) { return matmul(x, t); }},
      {"conv2d: its gradient needs w", numbers({2, 1, 1, 3}),
       [=](auto& x, auto& t) { return conv2d(image(x), t, {}); }},
      {"conv_transpose2d: its gradient needs w", numbers({3, 1, 1, 2}),
       [=](auto& x, auto& t) { return conv_transpose2d(image(x), t, {}); }},
      {"softmax_cross_entropy: its gradient needs labels", numbers(s),
       [](auto& x, auto& t) { return softmax_cross_entropy(x, t); }},
      {"sigmoid_cross_entropy: its gradient needs labels", numbers(s),
       [](auto& x, auto& t) { return sigmoid_cross_entropy(x, t); }},
      {"gather: its gradient needs index", index({0, 0, 1}),
       [](auto& x, auto& t) { return gather(x, t); }},
      {"dropout: its gradient needs the draw's step", Tensor::zeros({}, DType::i32),
       [](auto& x, auto& t) {
         return dropout(x, 0.5, {1, Stream::train, 0, t});
       }},
      {"batch_norm: its gradient needs gamma", c,
       [=](auto& x, auto& t) { return batch_norm(x, t, Tensor::zeros({3}, DType::f64), 1e-3).y; }},
      {"layer_norm: its gradient needs b", numbers({3}),
       [=](auto& x, auto& t) { return layer_norm(x, t, Tensor::zeros({3}, DType::f64), 1e-3); }},
      {nullptr, numbers(s), [](auto& x, auto& t) { return x + t; }},
      {nullptr, numbers(s), [](auto& x, auto& t) { return t - x; }},
      {nullptr, numbers(s), [](auto& x, auto& t) { return t / x; }},
      {nullptr, numbers(s),
       [](auto& x, auto& t) {
         return concat({x, t}, 0);
       }},
      {nullptr, numbers({2}),
       [=](auto& x, auto& t) {
         return conv2d(image(x), numbers({2, 1, 1, 3}), t);
       }},
      {nullptr, numbers({3}),
       [=](auto& x, auto& t) { return batch_norm(x, c.clone(), t, 1e-3).y; }},
      {nullptr, numbers({3}),
       [=](auto& x, auto& t) { return batch_norm_with(t, c, x, c, c, 1e-3); }},
      {nullptr, numbers({3}),
       [=](auto& x, auto& t) { return batch_norm_with(c, t, x, c, c, 1e-3); }},
      {nullptr, index({0, 2}), [](auto& x, auto& t) { return x * one_hot(t, 3, DType::f64); }},
  };
}

}  // namespace

TEST_CASE("saved: an operand of any operation, overwritten after the forward pass", "[saved]") {
  int alarms = 0;
  for (const OpCase& c : op_cases()) {
    INFO(c.name);
    int64_t elements = 0;
    for (const auto& input : c.inputs) elements += input.shape.count();
    if (elements > 5000) continue;
    const std::vector<Tensor> undisturbed = Forward(c).gradients();
    const auto check = [&](const std::function<Tensor(Forward&)>& choose) {
      Forward f(c);
      f.loss.value();
      overwrite(choose(f));
      try {
        const std::vector<Tensor> g = f.gradients();
        for (size_t i = 0; i < g.size(); ++i) CHECK(same_bits(g[i], undisturbed[i]));
      } catch (const TapeError& e) {
        INFO(e.what());
        CHECK(is_alarm(e.what()));
        ++alarms;
      }
    };
    for (size_t k = 0; k < c.inputs.size(); ++k) {
      INFO("input " << k);
      check([k](Forward& f) { return f.inputs[k].value(); });
    }
    check([](Forward& f) { return f.y.value(); });
  }
  CHECK(alarms > 1000);
}

TEST_CASE("saved: an operand overwritten before a value is read changes nothing, or is an error",
          "[saved]") {
  for (const OpCase& c : op_cases()) {
    INFO(c.name);
    int64_t elements = 0;
    for (const auto& input : c.inputs) elements += input.shape.count();
    if (elements > 5000) continue;
    std::vector<Var> inputs;
    for (const Array& a : values_of(c)) inputs.push_back(to_tensor(a, DType::f64));
    const Array expected = to_array(c.call(inputs).value());
    for (const Var& input : inputs) {
      const Var y = c.call(inputs);
      const bool shares =
          !y.lazy() && y.value().raw() == input.value().raw();  // reshape, dropout of rate 0
      const Tensor before = input.value().clone();
      overwrite(input.value());
      try {
        const Array now = to_array(y.value());
        if (!shares) CHECK(same_bits(now, expected));
      } catch (const TapeError& e) {
        CHECK_THAT(e.what(), ContainsSubstring(": its value needs "));
      }
      Tensor(input.value()).copy_from(before);
    }
  }
}

TEST_CASE("saved: what is not an input, overwritten after the forward pass", "[saved]") {
  for (const Case& c : cases()) {
    const auto tape = Tape::make();
    const Var x = tape->watch(numbers({2, 3}));
    const Tensor untouched = tape->gradients(sum(tanh(c.call(x, c.other))), std::vector{x})[0];
    const Var loss = sum(tanh(c.call(x, c.other)));
    loss.value();
    Tensor other = c.other;
    other.copy_from(Tensor::full(other.shape(), 1, other.dtype()));
    if (c.alarm) {
      INFO(c.alarm);
      CHECK_THAT(message_of<TapeError>([&] { return tape->gradients(loss, std::vector{x}); }),
                 ContainsSubstring(c.alarm));
    } else {
      CHECK(same_bits(tape->gradients(loss, std::vector{x})[0], untouched));
    }
  }
}

TEST_CASE("saved: only a branch that is wanted reads what was saved for it", "[saved]") {
  const std::function<Var(const Var&, const Var&)> operations[] = {
      [](auto& a, auto& b) { return a * b; }, [](auto& a, auto& b) { return matmul(a, b); },
      [](auto& a, auto& b) {
        return conv2d(reshape(a, {1, 2, 2, 1}), reshape(b, {1, 2, 2, 1}), {});
      },
      [](auto& a, auto& b) {
        return conv_transpose2d(reshape(a, {1, 2, 2, 1}), reshape(b, {1, 2, 2, 1}), {});
      }};
  for (const auto& call : operations)
    for (const bool first : {true, false}) {
      const auto tape = Tape::make();
      const Var a = tape->watch(numbers({2, 2})), b = tape->watch(numbers({2, 2}));
      const Var loss = sum(call(a, b));
      const std::vector<Var> target{first ? a : b};
      const Tensor untouched = tape->gradients(loss, target, true)[0];
      overwrite(target[0].value());  // what the other's gradient needs
      CHECK(same_bits(tape->gradients(loss, target, true)[0], untouched));
      CHECK(is_alarm(message_of<TapeError>([&] {
        return tape->gradients(loss, std::vector{a, b});
      })));
    }
  const auto tape = Tape::make();
  const Var x = tape->watch(numbers({4, 3})), gamma = tape->watch(numbers({3})),
            beta = tape->watch(numbers({3}));
  const Var y = batch_norm(x, gamma, beta, 1e-3).y, loss = sum(y * y.detach());
  const auto towards = [&](const Var& v) {
    return to_array(tape->gradients(loss, std::vector{v}, true)[0]);
  };
  const Array dgamma = towards(gamma), dbeta = towards(beta);
  overwrite(gamma.value());
  CHECK(same_bits(towards(gamma), dgamma));
  overwrite(x.value());
  CHECK(same_bits(towards(beta), dbeta));
  CHECK(is_alarm(message_of<TapeError>([&] { towards(gamma); })));
}

TEST_CASE("saved: a step of one optimiser before the other's gradient is an error", "[saved]") {
  Module net(DType::f64);
  Parameter g(net, "g", {}, constant(2)), d(net, "d", {}, constant(-1));
  Random random(1);
  net.initialize(random);
  const Pass pass = Pass::training(random);
  const Var score = 0.5 * pass.use(g) * pass.use(d);
  const Tensor lr = Tensor::full({}, 1, DType::f64);
  const auto of_d = pass.gradients(score, {&d}, true);
  CHECK(pass.gradients(score, {&g}, true)[0].item() == -0.5);
  Tensor zero = Tensor::zeros({}, DType::f64);
  Sgd(net).step({zero, of_d[0]}, lr);
  CHECK(d.value().item() == -2);
  CHECK_THAT(message_of<TapeError>([&] { return pass.gradients(score, {&g}); }),
             ContainsSubstring("mul: its gradient needs b"));
}

TEST_CASE("saved: an operation of one's own", "[saved]") {
  const auto scaled = [](const Var& x, const Tensor& scale) {
    return Tape::record("scaled", {x}, (x.detach() * scale).value(),
                        [scale = Saved("scale", scale)](const Tensor& dy, GradSink& grads) {
                          grads.add(0, Var(dy) * grads.read(scale));
                        });
  };
  const auto tape = Tape::make();
  const Var x = tape->watch(numbers({3}));
  Tensor scale = numbers({3});
  const Var loss = sum(scaled(x, scale));
  CHECK(same_bits(tape->gradients(loss, std::vector{x}, true)[0], scale));
  scale.mutable_span<double>()[1] = 7;
  CHECK(message_of<TapeError>([&] { return tape->gradients(loss, std::vector{x}); }) ==
        "scaled: its gradient needs scale as it was in the call, but that was overwritten since; "
        "ask for the gradient before, or clone scale");
}
