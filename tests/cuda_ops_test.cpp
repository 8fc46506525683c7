#include "tests/catch.h"
#include "tests/devices.h"
#include "tests/emulation/emulated.h"
#include "tests/emulation/fibres.h"
#include "tests/op_cases.h"

// The CUDA kernels behind every row of the table of operations, on the CPU one thread at a time
// and, where there is a card, on it: against the CPU's own kernels.

using namespace gradus;
namespace emulation = gradus::cuda::emulation;

namespace {

void check_against_cpu(Device device, DType dtype, double tolerance) {
  for (const OpCase& c : op_cases()) {
    INFO(c.name << " in " << name(dtype) << " on " << to_string(device));
    const OpResult got = run(c, dtype, device), expected = run(c, dtype);
    CHECK(got.y.shape == expected.y.shape);
    CHECK(error_of(got.y, expected.y) <= tolerance);
    for (size_t i = 0; i < expected.gradients.size(); ++i) {
      INFO("input " << i);
      CHECK(error_of(got.gradients[i], expected.gradients[i]) <= tolerance);
    }
  }
}

void check_same_bits(Device device, DType dtype, const std::function<void()>& before_second) {
  for (const OpCase& c : op_cases()) {
    INFO(c.name << " in " << name(dtype));
    const OpResult first = run(c, dtype, device);
    before_second();
    const OpResult second = run(c, dtype, device);
    CHECK(same_bits(first.y, second.y));
    for (size_t i = 0; i < first.gradients.size(); ++i)
      CHECK(same_bits(first.gradients[i], second.gradients[i]));
  }
}

void check_live_storage(Device device) {
  const auto live = [&] { return backend(device).allocator().stats().live_blocks; };
  for (const OpCase& c : op_cases()) {
    INFO(c.name);
    const size_t before = live();
    run(c, DType::f32, device);
    CHECK(live() == before);
  }
}

}  // namespace

TEST_CASE("emulated kernels: operations agree with the CPU's", "[cuda]") {
  emulation::emulated();
  emulation::set_order(1);
  check_against_cpu(emulation::kEmulated, DType::f32, 1e-5);
  emulation::set_order(2);
  check_against_cpu(emulation::kEmulated, DType::f64, 1e-12);
  emulation::set_order(0);
}

TEST_CASE("emulated kernels: operations agree with the CPU's where none waits for another",
          "[cuda]") {
  emulation::emulated().postpone(false);
  check_against_cpu(emulation::kEmulated, DType::f32, 1e-5);
  check_against_cpu(emulation::kEmulated, DType::f64, 1e-12);
  emulation::emulated().postpone(true);
}

TEST_CASE("emulated kernels: the same bits in every order of threads", "[cuda]") {
  emulation::emulated();
  uint64_t seed = 10;
  check_same_bits(emulation::kEmulated, DType::f32, [&] { return emulation::set_order(++seed); });
  emulation::set_order(0);
}

TEST_CASE("emulated kernels: nothing is written outside an output", "[cuda]") {
  cpu::Memory& memory = emulation::emulated().memory();
  memory.use_guard_bands(true);
  for (const OpCase& c : op_cases()) {
    INFO(c.name);
    const int64_t before = memory.damaged_bands();
    run(c, DType::f32, emulation::kEmulated);
    CHECK(memory.damaged_bands() == before);
  }
  memory.use_guard_bands(false);
}

TEST_CASE("emulated kernels: no storage stays behind", "[cuda]") {
  emulation::emulated();
  check_live_storage(emulation::kEmulated);
}

TEST_CASE("cuda: operations agree with the CPU's", "[cuda][gpu]") {
  const auto device = cuda_device();
  if (!device) return;
  check_against_cpu(*device, DType::f32, 1e-5);
  check_against_cpu(*device, DType::f64, 1e-12);
}

TEST_CASE("cuda: the same bits twice", "[cuda][gpu]") {
  const auto device = cuda_device();
  if (!device) return;
  for (const DType dtype : {DType::f32, DType::f64}) check_same_bits(*device, dtype, [] {});
}

TEST_CASE("cuda: no storage stays behind", "[cuda][gpu]") {
  const auto device = cuda_device();
  if (!device) return;
  run(op_cases().front(), DType::f32, *device);
  check_live_storage(*device);
}
