#include "autograd/tape.h"

#include "autograd/ops.h"
#include "tensor/backend.h"
#include "tests/catch.h"
#include "tests/emulation/emulated.h"
#include "tests/message_of.h"
#include "tests/values.h"

using namespace gradus;
namespace emulation = gradus::cuda::emulation;

namespace {

Tensor scalar(double x) { return Tensor::full({}, x, DType::f64); }

/// 2 x by a rule that counts its calls and how often it was asked for work on each input.
struct Counter {
  int calls = 0, wanted = 0;
  Var operator()(const Var& x) {
    return Tape::record("counted", {x}, (2 * Var(x.value())).value(),
                        [this](const Tensor& dy, GradSink& grads) {
                          ++calls;
                          wanted += grads.wants(0);
                          grads.add(0, 2 * Var(dy));
                        });
  }
};

std::vector<double> gradients(const Var& loss, const std::vector<Var>& targets, Tape& tape,
                              bool retain = false) {
  std::vector<double> out;
  for (const Tensor& g : tape.gradients(loss, targets, retain)) out.push_back(g.item());
  return out;
}

}  // namespace

TEST_CASE("tape: a chain of 300000 operations is run and freed without recursion", "[tape]") {
  constexpr int kNodes = 300'000;
  const auto live = [] { return backend(kCpu).allocator().stats().live_blocks; };
  const size_t before = live();
  {
    const auto tape = Tape::make();
    const Var x = tape->watch(scalar(1));
    Var y = x;
    for (int i = 0; i < kNodes; ++i) y = 0.5 * y + x;
    CHECK(tape->size() == 2 * kNodes + 1);
    CHECK(std::abs(gradients(y, {x}, *tape).at(0) - 2) < 1e-12);
  }
  {
    const auto tape = Tape::make();
    Var y = tape->watch(scalar(1));
    for (int i = 0; i < kNodes; ++i) y = tanh(y);  // each keeps its output
    CHECK(live() >= before + kNodes);
  }
  CHECK(live() == before);
}

TEST_CASE("tape: only what lies between loss and targets runs", "[tape]") {
  const auto tape = Tape::make();
  Counter to_a, to_b, after;
  const Var a = tape->watch(scalar(3)), b = tape->watch(scalar(5));
  const Var loss = to_a(a) * to_b(b);
  const Var later = after(loss);
  CHECK(gradients(loss, {b}, *tape, true) == std::vector{2 * 6.0});
  CHECK(to_a.calls == 0);
  CHECK(to_b.calls == 1);
  CHECK(gradients(later, {a, b}, *tape) == std::vector{2 * 2 * 10.0, 2 * 2 * 6.0});
  CHECK(to_a.calls == 1);
  CHECK(to_b.calls == 2);
  CHECK(after.calls == 1);
  CHECK(to_a.wanted + to_b.wanted + after.wanted == 4);
}

TEST_CASE("tape: a rule is told which inputs want a gradient", "[tape]") {
  const auto tape = Tape::make();
  const Var a = tape->watch(scalar(1)), b = tape->watch(scalar(2)), c(scalar(3));
  std::vector<bool> wants;
  const Var y = Tape::record("three", {a, b, c}, scalar(0), [&](const Tensor& dy, GradSink& g) {
    wants = {g.wants(0), g.wants(1), g.wants(2)};
    for (int i = 0; i < 3; ++i) g.add(i, dy);
  });
  CHECK(gradients(y, {b}, *tape) == std::vector{1.0});
  CHECK(wants == std::vector{false, true, false});
}

TEST_CASE("tape: retain keeps what rules have saved", "[tape]") {
  const auto tape = Tape::make();
  const Var x = tape->watch(scalar(3));
  const Var y = x * x;
  CHECK(gradients(y, {x}, *tape, true) == std::vector{6.0});
  CHECK(gradients(y, {x}, *tape, true) == std::vector{6.0});
  CHECK(gradients(y, {x}, *tape) == std::vector{6.0});
  CHECK_THROWS_AS(tape->gradients(y, std::vector{x}), TapeError);
}

TEST_CASE("tape: a call frees only the rules that it ran", "[tape]") {
  const auto tape = Tape::make();
  const Var a = tape->watch(scalar(2)), b = tape->watch(scalar(7));
  const Var left = a * a, right = b * b;
  CHECK(gradients(left, {a, b}, *tape) == std::vector{4.0, 0.0});
  CHECK(gradients(right, {a, b}, *tape) == std::vector{0.0, 14.0});
}

TEST_CASE("tape: two losses share a forward pass", "[tape]") {
  const auto tape = Tape::make();
  const Var x = tape->watch(scalar(2)), w = tape->watch(scalar(5));
  const Var shared = x * w;
  const Var first = shared * shared, second = exp(0.1 * shared);
  CHECK(gradients(first, {x}, *tape, true) == std::vector{2 * 10.0 * 5});
  CHECK(std::abs(gradients(second, {w}, *tape).at(0) - 0.1 * std::exp(1.0) * 2) < 1e-12);
}

TEST_CASE("tape: contributions of several uses add up", "[tape]") {
  const auto tape = Tape::make();
  const Var x = tape->watch(to_tensor(random_array({4, 3}, -1, 1, 1), DType::f64));
  const Var left = 2 * x, right = x * x;
  const Var y = left + right + x + sum(x, {0});
  const Tensor g = tape->gradients(sum(y), std::vector{x}).at(0);
  Array expected = to_array(x.value());
  for (double& v : expected.v) v = 2 + 2 * v + 1 + 4;
  CHECK(error_of(to_array(g), expected) < 1e-14);
}

TEST_CASE("tape: gradients of an addition do not change each other", "[tape]") {
  const auto tape = Tape::make();
  const Var a = tape->watch(scalar(1)), b = tape->watch(scalar(1));
  const Var y = (a + b) + a;  // both get dy of the inner addition, then a gets more
  CHECK(gradients(y, {a, b}, *tape) == std::vector{2.0, 1.0});
}

TEST_CASE("tape: a target may lie between another one and the loss", "[tape]") {
  const auto tape = Tape::make();
  const Var x = tape->watch(scalar(3));
  const Var middle = x * x;
  const Var loss = middle * middle;
  CHECK(gradients(loss, {middle, x, loss, x}, *tape) == std::vector{18.0, 108.0, 1.0, 108.0});
}

TEST_CASE("tape: a target that the loss does not use gets zeros", "[tape]") {
  const auto tape = Tape::make();
  const Var x = tape->watch(scalar(3));
  const Var unused = tape->watch(Tensor::full({2, 3}, 1, DType::f32));
  const Var loss = x * x;
  const Var later = loss * loss;
  const auto g = tape->gradients(loss, std::vector{unused, x, later});
  CHECK(same_bits(g[0], Tensor::zeros({2, 3}, DType::f32)));
  CHECK(g[1].item() == 6);
  CHECK(g[2].item() == 0);
}

TEST_CASE("tape: nothing flows through detach", "[tape]") {
  const auto tape = Tape::make();
  const Var x = tape->watch(scalar(3));
  CHECK_FALSE((x * x).detach().tracked());
  CHECK(gradients(x * (x * x).detach(), {x}, *tape) == std::vector{9.0});
}

TEST_CASE("tape: constants record nothing", "[tape]") {
  const auto tape = Tape::make();
  const Var x = tape->watch(scalar(3)), c(scalar(2));
  const Var only_constants = exp(c * c) + c;
  CHECK_FALSE(only_constants.tracked());
  CHECK(tape->size() == 1);
  const Var y = x * only_constants;
  CHECK(y.tracked());
  CHECK(tape->size() == 2);
}

TEST_CASE("tape: a loss of one element may have any rank", "[tape]") {
  const auto tape = Tape::make();
  const Var x = tape->watch(Tensor::full({1, 1}, 3, DType::f64));
  const Tensor g = tape->gradients(x * x, std::vector{x}).at(0);
  CHECK(g.shape() == Shape{1, 1});
  CHECK(g.item() == 6);
}

TEST_CASE("tape: a Var keeps its tape alive", "[tape]") {
  Var x, y;
  std::weak_ptr<Tape> weak;
  {
    const auto tape = Tape::make();
    weak = tape;
    x = tape->watch(scalar(3));
    y = x * x;
  }
  REQUIRE_FALSE(weak.expired());
  CHECK(gradients(y, {x}, *weak.lock()) == std::vector{6.0});
  x = y = Var();
  CHECK(weak.expired());
}

TEST_CASE("tape: it can be used after a rule has thrown", "[tape]") {
  const auto tape = Tape::make();
  const Var x = tape->watch(scalar(3));
  const Var bad = Tape::record("bad", {x}, scalar(0),
                               [](const Tensor&, GradSink&) { throw Error("bad: on purpose"); });
  CHECK_THROWS_AS(tape->gradients(bad, std::vector{x}), Error);
  CHECK(gradients(x * x, {x}, *tape) == std::vector{6.0});
}

TEST_CASE("tape: a rule whose gradient does not fit is an error that names it", "[tape]") {
  emulation::emulated();
  const Tensor fits = Tensor::full({2, 3}, 1, DType::f64);
  const std::pair<Var, const char*> bad[] = {
      {Tensor(), "bad: its rule gives input 1 an undefined gradient"},
      {Var(), "bad: its rule gives input 1 an undefined gradient"},
      {fits.to(DType::f32), "bad: its rule gives input 1, which is f64, a gradient of f32"},
      {fits.to(DType::i32), "bad: its rule gives input 1, which is f64, a gradient of i32"},
      {fits.to(emulation::kEmulated),
       "bad: its rule gives input 1, which is on cpu, a gradient on cuda:31"},
      {fits.reshape({3, 2}),
       "bad: its rule gives input 1, which is [2, 3], a gradient of shape [3, 2]"},
      {fits.reshape({6}), "bad: its rule gives input 1, which is [2, 3], a gradient of shape [6]"},
      {Tensor::zeros({}, DType::f64),
       "bad: its rule gives input 1, which is [2, 3], a gradient of shape []"},
      {Tensor::zeros({3}, DType::f64),
       "bad: its rule gives input 1, which is [2, 3], a gradient of shape [3]"},
      {Tensor::zeros({2, 1}, DType::f64),
       "bad: its rule gives input 1, which is [2, 3], a gradient of shape [2, 1]"},
      {Tensor::zeros({5, 2, 4}, DType::f64),
       "bad: its rule gives input 1, which is [2, 3], a gradient of shape [5, 2, 4]"}};
  const auto gradient = [&](const BackwardRule& rule) {
    const auto tape = Tape::make();
    const Var a = tape->watch(scalar(1)), b = tape->watch(fits.clone());
    const Var y = Tape::record("bad", {a, b}, scalar(0), rule);
    return tape->gradients(y, std::vector{b})[0];
  };
  for (const auto& [grad, message] : bad) {
    INFO(message);
    CHECK(message_of<Error>([&, grad = grad] {
            return gradient([&](const Tensor&, GradSink& grads) { grads.add(1, grad); });
          }) == message);
    // The same where another operation has added to that input before.
    CHECK(message_of<Error>([&, grad = grad] {
            return gradient([&](const Tensor&, GradSink& grads) {
              grads.add(1, fits);
              grads.add(1, grad);
            });
          }) == message);
    // Nobody looks at the gradient of an input that wants none.
    CHECK(same_bits(gradient([&, grad = grad](const Tensor&, GradSink& grads) {
                      grads.add(0, grad);
                      grads.add(1, fits);
                    }),
                    fits));
  }
  for (const int input : {-1, 2, 9}) {
    const std::string message =
        fmt::format("bad: its rule asks for input {}, counted from 0, of 2", input);
    const BackwardRule rules[] = {
        [&](const Tensor&, GradSink& grads) { grads.add(input, fits); },
        [&](const Tensor&, GradSink& grads) { static_cast<void>(grads.wants(input)); },
        [&](const Tensor&, GradSink& grads) { static_cast<void>(grads.alone(input)); }};
    for (const BackwardRule& rule : rules)
      CHECK(message_of<TapeError>([&] { return gradient(rule); }) == message);
  }
  CHECK(same_bits(gradient([&](const Tensor&, GradSink& grads) {
                    grads.add(1, Tensor::full({2, 2, 3}, 0.5, DType::f64));  // broadcast: summed
                  }),
                  fits));
}

TEST_CASE("tape: every gradient has bytes of its own", "[tape]") {
  const Tensor kept = scalar(4);
  using Call = std::function<std::vector<Tensor>(Tape&, const Var& a, const Var& b)>;
  const std::pair<const char*, Call> calls[] = {
      {"a + b",
       [](Tape& t, auto& a, auto& b) {
         return t.gradients(a + b, std::vector{a, b});
       }},
      {"sum(a + b)",
       [](Tape& t, auto& a, auto& b) {
         return t.gradients(sum(a + b), std::vector{a, b});
       }},
      {"the loss itself",
       [](Tape& t, auto& a, auto&) {
         return t.gradients(a, std::vector{a, a});
       }},
      {"twice",
       [](Tape& t, auto& a, auto& b) {
         return t.gradients(a * b, std::vector{a, a, b});
       }},
      {"retained",
       [](Tape& t, auto& a, auto& b) {
         const Var loss = a + b;
         auto first = t.gradients(loss, std::vector{a, b}, true);
         for (Tensor& g : t.gradients(loss, std::vector{b, a})) first.push_back(g);
         return first;
       }},
      {"between",
       [](Tape& t, auto& a, auto& b) {
         const Var middle = a + b, loss = reshape(middle, {1});
         return t.gradients(loss, std::vector{a, middle, loss, b});
       }},
      {"what the rule holds", [&](Tape& t, auto& a, auto& b) {
         const Var y = Tape::record("held", {a, b}, scalar(0), [&](auto&, GradSink& grads) {
           grads.add(0, kept);
           grads.add(1, kept);
         });
         auto all = t.gradients(y, std::vector{a, b}, true);
         all.push_back(kept);
         return all;
       }}};
  for (const auto& [name, call] : calls) {
    INFO(name);
    const auto tape = Tape::make();
    const Var a = tape->watch(scalar(2)), b = tape->watch(scalar(2));
    std::vector<Tensor> all = call(*tape, a, b);
    std::vector<double> before;
    for (const Tensor& g : all) before.push_back(g.item());
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].raw() == kept.raw()) continue;
      all[i].mutable_data<double>()[0] = 99;
      for (size_t j = 0; j < all.size(); ++j) CHECK(all[j].item() == (j == i ? 99 : before[j]));
      all[i].mutable_data<double>()[0] = before[i];
    }
    CHECK(a.value().item() == 2);
  }
}

TEST_CASE("tape: the value that is recorded counts as a constant", "[tape]") {
  const auto tape = Tape::make();
  const Var x = tape->watch(scalar(3));
  const auto twice = [](const Tensor& dy, GradSink& grads) { grads.add(0, 2 * Var(dy)); };
  const Var y = Tape::record("twice", {x}, x * x, twice);
  CHECK(y.value().item() == 9);
  CHECK(gradients(y, {x}, *tape) == std::vector{2.0});
}
