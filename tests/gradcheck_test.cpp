#include "autograd/gradcheck.h"

#include <limits>

#include "autograd/ops.h"
#include "tests/catch.h"
#include "tests/values.h"

using namespace gradus;

namespace {

using Inputs = std::vector<Var>;

/// f(x), whose rule claims the derivative d(x).
Var with_rule(const Var& x, Var (*f)(const Var&), Var (*d)(const Var&)) {
  return Tape::record(
      "test", {x}, f(x.detach()).value(),
      [x = x.value(), d](const Tensor& dy, GradSink& grads) { grads.add(0, Var(dy) * d(x)); });
}

Tensor of(std::initializer_list<double> values) {
  return Tensor::from(values, {static_cast<int64_t>(values.size())});
}

}  // namespace

TEST_CASE("gradcheck: right gradients pass", "[gradcheck]") {
  const Tensor a = random_tensor({3, 4}, DType::f64, 1), b = random_tensor({4}, DType::f64, 2);
  const Array before = to_array(a);
  const auto right = gradcheck(
      [](const Inputs& in) { return sum(exp(in[0] * in[1]), {1}) / sum(in[1] * in[1]); }, {a, b});
  INFO(right.worst);
  CHECK(right.ok);
  CHECK(right.worst_error < 1e-7);
  CHECK(right.checked == 16);
  CHECK(right.kinks == 0);
  CHECK(same_bits(to_array(a), before));
}

TEST_CASE("gradcheck: a wrong rule is caught and the coordinate named", "[gradcheck]") {
  const Tensor good = of({1, 2}), x = Tensor::from({0.5, 1.0, 2.0, -3.0}, {2, 2});
  const auto f = [](const Inputs& in) {
    const Var& x = in[1];
    // Right but at [1, 0], where 2 x becomes 4.5.
    const Tensor off = Tensor::from({0.0, 0.0, 0.5, 0.0}, {2, 2});
    return sum(in[0] * in[0]) +
           Tape::record("square", {x}, (x.detach() * x.detach()).value(),
                        [x = x.value(), off](const Tensor& dy, GradSink& grads) {
                          grads.add(0, Var(dy) * (2 * Var(x) + off));
                        });
  };
  const auto result = gradcheck(f, {good, x});
  CHECK_FALSE(result.ok);
  CHECK(result.checked == 6);
  CHECK_THAT(result.worst, ContainsSubstring("input 1 at [1, 0]: the tape says "));
  CHECK_THAT(result.worst, ContainsSubstring(", differences say "));
}

TEST_CASE("gradcheck: what a function loses to rounding is no error of its gradient",
          "[gradcheck]") {
  // 50 for every x, but for its last bits; their differences are 5e-10 a step of 1e-5.
  const auto f = [](const Inputs& in) { return exp(in[0]) * exp(-in[0]) * 50; };
  for (int i = 0; i < 20; ++i) {
    const auto result = gradcheck(f, {of({0.1 * i + 0.03})});
    INFO(result.worst);
    CHECK(result.ok);
    CHECK(result.checked == 1);
  }
  // Gradients that are as little off stay errors.
  const auto zero_as = [](double wrong) {
    return [wrong](const Inputs& in) {
      return Tape::record(
          "fifty", {in[0]}, (exp(in[0].detach()) * exp(-in[0].detach()) * 50).value(),
          [wrong](const Tensor& dy, GradSink& grads) { grads.add(0, Var(dy) * wrong); });
    };
  };
  for (const double wrong : {3e-10, -5e-10, 1e-9, 1e-6})
    CHECK_FALSE(gradcheck(zero_as(wrong), {of({0.33})}).ok);
  CHECK(gradcheck(zero_as(1e-12), {of({0.33})}).ok);
}

TEST_CASE("gradcheck: kinks are left out and counted", "[gradcheck]") {
  const Tensor x = of({-1, 0, 2, 0});
  for (const auto f :
       {+[](const Inputs& in) { return relu(in[0]); }, +[](const Inputs& in) { return abs(in[0]); },
        +[](const Inputs& in) { return leaky_relu(in[0], 0.2); },
        +[](const Inputs& in) { return maximum(in[0], 0); }}) {
    const auto result = gradcheck(f, {x});
    INFO(result.worst);
    CHECK(result.ok);
    CHECK(result.kinks == 2);
    CHECK(result.checked == 2);
  }
}

TEST_CASE("gradcheck: kinks within a step of the coordinate are left out too", "[gradcheck]") {
  for (const double distance : {-9e-6, -6e-6, -3e-6, -1e-6, 1e-7, 2e-6, 4e-6, 5e-6, 8e-6}) {
    INFO("kink at distance " << distance);
    const auto result =
        gradcheck([](const Inputs& in) { return relu(in[0]); }, {of({distance, 1})});
    INFO(result.worst);
    CHECK(result.ok);
    CHECK(result.kinks == 1);
  }
}

TEST_CASE("gradcheck: nothing but kinks is not a pass", "[gradcheck]") {
  const auto result = gradcheck([](const Inputs& in) { return abs(in[0]); }, {of({0, 0})});
  CHECK_FALSE(result.ok);
  CHECK(result.checked == 0);
  CHECK(result.kinks == 2);
}

TEST_CASE("gradcheck: wrong gradients of bent functions are not taken for kinks", "[gradcheck]") {
  struct Wrong {
    const char* name;
    Var (*f)(const Var&);
    Var (*d)(const Var&);
    double at;
  };
  const Wrong table[] = {
      {"exp(30 x)", [](const Var& x) { return exp(30 * x); },
       [](const Var& x) { return 30.01 * exp(30 * x); }, 0.7},
      {"x^3", [](const Var& x) { return x * x * x; }, [](const Var& x) { return 3 * x; }, 2},
      {"1 / x", [](const Var& x) { return exp(-log(x)); },
       [](const Var& x) { return exp(-2 * log(x)); }, 0.01},
      {"sqrt", [](const Var& x) { return sqrt(x); },
       [](const Var& x) { return exp(-0.5 * log(x)); }, 1e-3},
      {"1e6 x^2 at 0", [](const Var& x) { return 1e6 * (x * x); },
       [](const Var& x) { return x + 1; }, 0},
      {"log", [](const Var& x) { return log(x); },
       [](const Var& x) { return 1.001 * exp(-log(x)); }, 0.05},
      {"sign of relu", [](const Var& x) { return relu(x); },
       [](const Var& x) { return -1 * equal(x, x); }, 0.3},
      {"constant", [](const Var& x) { return 0 * x; }, [](const Var& x) { return 0 * x + 1e-3; },
       0.3},
  };
  for (const Wrong& w : table) {
    INFO(w.name);
    const auto result =
        gradcheck([&](const Inputs& in) { return with_rule(in[0], w.f, w.d); }, {of({w.at})});
    CHECK_FALSE(result.ok);
    CHECK(result.kinks == 0);
    CHECK(result.checked == 1);
  }
}

TEST_CASE("gradcheck: a gradient that is not a number fails wherever it stands", "[gradcheck]") {
  for (const int64_t bad : {0, 1, 2}) {
    const auto f = [bad](const Inputs& in) {
      return Tape::record("nan", {in[0]}, in[0].value(), [bad](const Tensor& dy, GradSink& grads) {
        Tensor dx = dy.clone();
        dx.mutable_span<double>()[bad] = std::numeric_limits<double>::quiet_NaN();
        grads.add(0, dx);
      });
    };
    const auto result = gradcheck(f, {of({1, 2, 3})});
    CHECK_FALSE(result.ok);
    CHECK_THAT(result.worst, ContainsSubstring(fmt::format("input 0 at [{}]: ", bad)));
  }
}

TEST_CASE("gradcheck: coordinates limits the work and depends on the seed alone", "[gradcheck]") {
  // Wrong at one of 50 places: a choice of 10 finds it or not, the same each time.
  const auto f = [](const Inputs& in) {
    return Tape::record("one", {in[0]}, in[0].value(), [](const Tensor& dy, GradSink& grads) {
      Tensor dx = dy.clone();
      dx.mutable_span<double>()[17] = 0;
      grads.add(0, dx);
    });
  };
  const Tensor x = random_tensor({50}, DType::f64, 1);
  int found = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto first = gradcheck(f, {x}, {.coordinates = 10, .seed = seed});
    const auto second = gradcheck(f, {x}, {.coordinates = 10, .seed = seed});
    CHECK(first.checked == 10);
    CHECK(first.ok == second.ok);
    CHECK(first.worst == second.worst);
    found += !first.ok;
  }
  CHECK(found > 0);
  CHECK(found < 20);
  CHECK_FALSE(gradcheck(f, {x}).ok);
  CHECK(gradcheck(f, {x}, {.coordinates = 80}).checked == 50);
}
