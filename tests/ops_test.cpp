#include "autograd/gradcheck.h"
#include "tensor/cpu/cpu.h"
#include "tests/catch.h"
#include "tests/op_cases.h"

using namespace gradus;

namespace {

struct Run {
  Array y;
  std::vector<Array> gradients;
};

/// The row forward and backward, from a loss that weighs the elements of y differently.
Run run(const OpCase& c, DType dtype, Device device = kCpu) {
  const auto tape = Tape::make();
  std::vector<Var> inputs;
  for (const Array& a : values_of(c)) inputs.push_back(tape->watch(to_tensor(a, dtype, device)));
  const Var y = c.call(inputs);
  const Tensor weights = constant_like(y, random_array(y.shape(), 0.5, 1.5, 31));
  Run out{to_array(y.value()), {}};
  for (const Tensor& g : tape->gradients(sum(y * weights), inputs))
    out.gradients.push_back(to_array(g));
  return out;
}

void check_forward(DType dtype, double tolerance, Device device = kCpu) {
  for (const OpCase& c : op_cases()) {
    INFO(c.name);
    std::vector<Var> inputs;
    for (const Array& a : values_of(c)) inputs.push_back(to_tensor(a, dtype, device));
    const Var y = c.call(inputs);
    CHECK(y.dtype() == dtype);
    CHECK_FALSE(y.tracked());
    const Array expected = c.expected(values_of(c));
    CHECK(y.shape() == expected.shape);
    CHECK(error_of(to_array(y.value()), expected) <= tolerance);
  }
}

}  // namespace

TEST_CASE("ops: names in the table are unique", "[ops]") {
  std::vector<std::string> names;
  for (const OpCase& c : op_cases()) names.push_back(c.name);
  std::sort(names.begin(), names.end());
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
}

TEST_CASE("ops: values in f64 agree with plain loops", "[ops]") {
  check_forward(DType::f64, 1e-12);
}

TEST_CASE("ops: values in f32 agree with plain loops", "[ops]") { check_forward(DType::f32, 1e-5); }

TEST_CASE("ops: gradients agree with differences in f64", "[ops]") {
  for (const OpCase& c : op_cases()) {
    INFO(c.name);
    std::vector<Tensor> inputs;
    for (const Array& a : values_of(c)) inputs.push_back(to_tensor(a, DType::f64));
    const GradcheckResult result = gradcheck(c.call, inputs, {.coordinates = 40});
    INFO(result.worst);
    CHECK(result.worst_error <= 1e-6);
    CHECK(result.ok);
    CHECK(result.kinks == 0);
  }
}

TEST_CASE("ops: gradients in f32 agree with those in f64", "[ops]") {
  for (const OpCase& c : op_cases()) {
    INFO(c.name);
    const Run single = run(c, DType::f32), exact = run(c, DType::f64);
    for (size_t i = 0; i < exact.gradients.size(); ++i) {
      INFO("input " << i);
      CHECK(error_of(single.gradients[i], exact.gradients[i]) <= 1e-5);
    }
  }
}

TEST_CASE("ops: the same bits twice", "[ops]") {
  for (const OpCase& c : op_cases())
    for (const DType dtype : {DType::f32, DType::f64}) {
      INFO(c.name << " in " << name(dtype));
      const Run first = run(c, dtype), second = run(c, dtype);
      CHECK(same_bits(first.y, second.y));
      for (size_t i = 0; i < first.gradients.size(); ++i)
        CHECK(same_bits(first.gradients[i], second.gradients[i]));
    }
}

TEST_CASE("ops: no storage stays behind", "[ops]") {
  const auto live = [] { return backend(kCpu).allocator().stats().live_blocks; };
  for (const OpCase& c : op_cases()) {
    INFO(c.name);
    const size_t before = live();
    run(c, DType::f32);
    CHECK(live() == before);
  }
}

TEST_CASE("ops: nothing is written outside an output", "[ops]") {
  cpu::Memory& memory = cpu::cpu_backend().memory();
  memory.use_guard_bands(true);
  for (const OpCase& c : op_cases())
    for (const DType dtype : {DType::f32, DType::f64}) {
      INFO(c.name << " in " << name(dtype));
      const int64_t before = memory.damaged_bands();
      run(c, dtype);
      CHECK(memory.damaged_bands() == before);
    }
  memory.use_guard_bands(false);
}

TEST_CASE("ops: fast convolutions agree with the reference", "[ops]") {
  cpu::Cpu& fast = cpu::cpu_backend();
  cpu::Reference& reference = cpu::reference_backend();
  for (const OpCase& c : op_cases()) {
    if (!c.conv) continue;
    INFO(c.name);
    const auto& [transposed, p] = *c.conv;
    const std::vector<Array> in = values_of(c);
    // Of the convolution behind the row: x is its large image, dy the one strided over it.
    const Tensor given = to_tensor(in[0], DType::f32), w = to_tensor(in[1], DType::f32);
    const Tensor other = random_tensor(c.expected(in).shape, DType::f32, 41);
    const Tensor x = transposed ? other : given, dy = transposed ? given : other;
    const Tensor bias = in.size() > 2 ? to_tensor(in[2], DType::f32) : Tensor();
    const auto both = [&](const Tensor& shape, const auto& kernel) {
      Tensor got = shape.like(), expected = shape.like();
      kernel(fast, got);
      kernel(reference, expected);
      return error_of(to_array(got), to_array(expected));
    };
    CHECK(both(dy, [&](Backend& b, Tensor& y) {
            b.conv(p, x, w, transposed ? Tensor() : bias, y);
          }) <= 1e-5);
    CHECK(both(x, [&](Backend& b, Tensor& dx) {
            b.conv_grad_input(p, w, dy, transposed ? bias : Tensor(), dx);
          }) <= 1e-5);
    CHECK(both(w, [&](Backend& b, Tensor& dw) { b.conv_grad_weight(p, x, dy, dw); }) <= 1e-5);
  }
}
