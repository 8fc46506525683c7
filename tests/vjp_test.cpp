#include "tests/emulation/emulated.h"
#include "tests/op_errors.h"
#include "tests/values.h"

using namespace gradus;

TEST_CASE("tape: a gradient from a tensor weighs the output's elements", "[tape]") {
  const auto tape = Tape::make();
  const Var a = tape->watch(random_tensor({3, 4}, DType::f64, 1));
  const Var b = tape->watch(random_tensor({4, 2}, DType::f64, 2));
  const Var y = tanh(matmul(a, b));
  const Tensor seed = random_tensor({3, 2}, DType::f64, 3), kept = seed.clone();
  const std::vector<Var> targets{a, b, y};
  const std::vector<Tensor> seeded = tape->gradients(y, seed, targets, true);
  const std::vector<Tensor> summed = tape->gradients(sum(y * seed), targets);
  for (size_t i = 0; i < 3; ++i) CHECK(error_of(to_array(seeded[i]), to_array(summed[i])) < 1e-15);
  CHECK(same_bits(seed, kept));
  CHECK(seeded[2].raw() != seed.raw());
}

TEST_CASE("tape: an output's gradient fits the output", "[tape][errors]") {
  cuda::emulation::emulated();
  const auto tape = Tape::make();
  const Var x = tape->watch(of({2}).value()), y = x * 2;
  const auto seeded = [&](const Tensor& seed) { return tape->gradients(y, seed, std::vector{x}); };
  const std::string apart =
      "gradients: an output on cpu with a gradient on " + to_string(cuda::emulation::kEmulated);
  check_all({
      {kShape, "gradients: an output [2] with a gradient [3]",
       [&] { return seeded(of({3}).value()); }},
      {kType, "gradients: an output of f32 with a gradient of f64",
       [&] { return seeded(of({2}, DType::f64).value()); }},
      {kPlain, "gradients: the output's gradient is undefined", [&] { return seeded({}); }},
      {typeid(DeviceError), apart.c_str(),
       [&] { return seeded(of({2}).value().to(cuda::emulation::kEmulated)); }},
      {kTape, "gradients: the output is not on this tape",
       [&] { return tape->gradients(of({2}), of({2}).value(), std::vector{x}); }},
  });
}
