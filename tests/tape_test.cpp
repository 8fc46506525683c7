#include "autograd/tape.h"

#include "autograd/ops.h"
#include "tensor/backend.h"
#include "tests/catch.h"
#include "tests/values.h"

using namespace gradus;

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
