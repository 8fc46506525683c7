#include "autograd/outputs.h"

#include "autograd/gradcheck.h"
#include "tests/op_errors.h"
#include "tests/values.h"

using namespace gradus;

namespace {

/// The sum and the product of a and b, by one rule.
std::vector<Var> sum_and_product(const Var& a, const Var& b) {
  const Var ca = a.detach(), cb = b.detach();
  return record_outputs(
      "sum_and_product", {a, b}, {sum(ca + cb).value(), (ca * cb).value()},
      [ca = ca.value(), cb = cb.value()](const std::vector<Tensor>& dys, GradSink& grads) {
        if (grads.wants(0)) grads.add(0, Var(dys[0]) + Var(dys[1]) * cb);
        if (grads.wants(1)) grads.add(1, Var(dys[0]) + Var(dys[1]) * ca);
      });
}

}  // namespace

TEST_CASE("outputs: each result has its values, and gradients meet in one rule", "[tape]") {
  const Tensor a = random_tensor({2, 3}, DType::f64, 1), b = random_tensor({2, 3}, DType::f64, 2);
  const std::vector<Var> results = sum_and_product(a, b);
  CHECK(results[0].shape() == Shape{});
  CHECK(same_bits(results[1].value(), (Var(a) * b).value()));
  for (const int used : {0, 1, 2}) {
    const auto check = gradcheck(
        [used](const std::vector<Var>& in) {
          const std::vector<Var> y = sum_and_product(in[0], in[1]);
          return used == 0 ? y[0] : used == 1 ? y[1] : y[0] * exp(y[1]);
        },
        {a, b});
    INFO(check.worst);
    CHECK(check.ok);
  }
}

TEST_CASE("outputs: a rule runs once however many results are read", "[tape]") {
  const auto tape = Tape::make();
  const Var x = tape->watch(random_tensor({4}, DType::f32, 3));
  int runs = 0;
  const std::vector<Var> y =
      record_outputs("two", {x}, {x.value(), Tensor::zeros({2}, DType::f32)},
                     [&runs](const std::vector<Tensor>& dys, GradSink& grads) {
                       ++runs;
                       CHECK(dys[1].shape() == Shape{2});
                       grads.add(0, dys[0]);
                     });
  const Var loss = sum(y[0]) + 3 * sum(y[0]) + sum(y[1]);
  CHECK(to_array(tape->gradients(loss, std::vector{x})[0]).v == std::vector<double>(4, 4.0));
  CHECK(runs == 1);
}

TEST_CASE("outputs: results that cannot be recorded together are refused", "[tape][errors]") {
  const Tensor f32 = of({2}).value(), f64 = of({2}, DType::f64).value();
  const auto two = [&](const std::vector<Tensor>& values) {
    return record_outputs("two", {of({2})}, values, nullptr);
  };
  check_all({
      {kPlain, "two: it has no results", [&] { return two({}); }},
      {kType, "two: operands are f32 and f64; convert one of them",
       [&] {
         return two({f32, f64});
       }},
      {kPlain, "two: an operand is undefined",
       [&] {
         return two({f32, Tensor()});
       }},
  });
}
