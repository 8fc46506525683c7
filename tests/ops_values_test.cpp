#include <limits>

#include "tests/catch.h"
#include "tests/emulation/emulated.h"
#include "tests/op_cases.h"

// Operations that the table of op_cases.cpp cannot hold: without gradients, or of integers. On the
// CPU and on the emulated device.

using namespace gradus;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

template <class Check>
void on_devices(const Check& check) {
  cuda::emulation::emulated();
  for (const Device device : {kCpu, cuda::emulation::kEmulated}) {
    INFO(to_string(device));
    check(device);
  }
}

std::vector<double> values(const Var& x) { return to_array(x.value()).v; }

using Numbers = std::vector<double>;

}  // namespace

TEST_CASE("ops: comparisons give 1 and 0, with a NaN 0", "[ops]") {
  on_devices([](Device device) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      const Var a = Tensor::from<double>({1, 2, 3, kNaN}, {4}).to(dtype).to(device);
      const Var b = Tensor::from<double>({2, 2, 2, 2}, {4}).to(dtype).to(device);
      CHECK(values(a < b) == Numbers{1, 0, 0, 0});
      CHECK(values(a <= b) == Numbers{1, 1, 0, 0});
      CHECK(values(a > b) == Numbers{0, 0, 1, 0});
      CHECK(values(a >= b) == Numbers{0, 1, 1, 0});
      CHECK(values(equal(a, b)) == Numbers{0, 1, 0, 0});
      CHECK(values(not_equal(a, b)) == Numbers{1, 0, 1, 1});
      CHECK(values(a < 2) == Numbers{1, 0, 0, 0});
      CHECK(values(a <= 2) == Numbers{1, 1, 0, 0});
      CHECK(values(a > 2) == Numbers{0, 0, 1, 0});
      CHECK(values(a >= 2) == Numbers{0, 1, 1, 0});
      CHECK(values(equal(a, 2)) == Numbers{0, 1, 0, 0});
      CHECK(values(not_equal(a, 2)) == Numbers{1, 0, 1, 1});
      CHECK((a < b).dtype() == dtype);
    }
  });
}

TEST_CASE("ops: integers compare exactly, as f32", "[ops]") {
  on_devices([](Device device) {
    const Var a = Tensor::from<int32_t>({1 << 24, (1 << 24) + 1, -7}, {3}, device);
    const Var b = Tensor::from<int32_t>({1 << 24, 1 << 24, -7}, {3}, device);
    CHECK(values(equal(a, b)) == Numbers{1, 0, 1});
    CHECK(values(a > b) == Numbers{0, 1, 0});
    CHECK(values(equal(a, (1 << 24) + 1)) == Numbers{0, 1, 0});
    CHECK(equal(a, b).dtype() == DType::f32);
    CHECK(values(Var(Tensor::from<uint8_t>({0, 200}, {2}, device)) > 100) == Numbers{0, 1});
  });
}

TEST_CASE("ops: where takes nothing from what it leaves out", "[ops]") {
  const double infinity = std::numeric_limits<double>::infinity();
  on_devices([&](Device device) {
    const auto tape = Tape::make();
    const Var x = tape->watch(Tensor::from<double>({-1, 4, kNaN, infinity}, {4}, device));
    const Tensor mask = Tensor::from<uint8_t>({0, 1, 0, 3}, {4}, device);
    const Var y = where(mask, sqrt(x), 7);
    CHECK(values(y) == Numbers{7, 2, 7, infinity});
    const Var z = where(mask, 7, x * 2);
    CHECK(values(slice(z, 0, 0, 2)) == Numbers{-2, 7});
    const Tensor dx = tape->gradients(sum(where(mask, x, 0)), std::vector{x})[0];
    CHECK(to_array(dx).v == Numbers{0, 1, 0, 1});
  });
}

TEST_CASE("ops: argmax and argmin along any axis", "[ops]") {
  on_devices([](Device device) {
    const Var x = Tensor::from<float>({1, 5, 5, 4, -2, 9}, {2, 3}, device);
    CHECK(values(argmax(x)) == Numbers{1, 2});
    CHECK(values(argmax(x, 0)) == Numbers{1, 0, 1});
    CHECK(values(argmin(x)) == Numbers{0, 1});
    CHECK(values(argmin(x, -2)) == Numbers{0, 1, 0});
    CHECK(argmax(x, 0).shape() == Shape{3});
    const Var deep = reshape(x, {1, 2, 3, 1});
    CHECK(argmin(deep, 1).shape() == Shape({1, 3, 1}));
    CHECK(values(argmin(deep, 1)) == Numbers{0, 1, 0});
    const Var strange = Tensor::from<double>({3, kNaN, 1}, {3}, device);
    CHECK(values(argmax(strange)) == Numbers{1});
    CHECK(values(argmin(strange)) == Numbers{1});
  });
}

TEST_CASE("ops: of a tensor, reductions and gathers give a tensor", "[ops]") {
  const Tensor x = Tensor::from({1.F, 2.F, 3.F, 6.F}, {2, 2});
  const Tensor all[] = {sum(x), mean(x), max(x), var(x), logsumexp(x)};
  const double expected[] = {12, 3, 6, 3.5, 6.0722};
  for (size_t i = 0; i < std::size(all); ++i)
    CHECK_THAT(all[i].item(), Catch::Matchers::WithinAbs(expected[i], 1e-4));
  CHECK(sum(x, {0}).to_vector<float>() == std::vector<float>{4, 8});
  CHECK(mean(x, {1}, true).shape() == Shape{2, 1});
  CHECK_THAT(sum(softmax(x)).item(), Catch::Matchers::WithinAbs(2, 1e-6));
  CHECK(max(log_softmax(x, 0)).item() < 0);
  const Tensor rows = gather(x, Tensor::from({1, 1}, {2}));
  CHECK(rows.to_vector<float>() == std::vector<float>{3, 6, 3, 6});
  static_assert(std::is_same_v<decltype(sum(Var(x))), Var>);
}

TEST_CASE("ops: integers are gathered, permuted and stacked", "[ops]") {
  on_devices([](Device device) {
    const Tensor labels = Tensor::from<int32_t>({7, -(1 << 30) - 1, 9}, {3}, device);
    const Tensor index = Tensor::from<int32_t>({2, 1, 1}, {3}, device);
    const Tensor taken = gather(labels, index);
    CHECK(taken.dtype() == DType::i32);
    CHECK(to_array(taken).v == Numbers{9, -(1 << 30) - 1, -(1 << 30) - 1});
    std::vector<uint8_t> bytes(12);
    for (int i = 0; i < 12; ++i) bytes[i] = uint8_t(250 + i);
    const Tensor image = Tensor::from(std::span<const uint8_t>(bytes), {3, 4}, device);
    CHECK(gather(image, index).dtype() == DType::u8);
    CHECK(values(gather(image, index)) == Numbers{2, 3, 4, 5, 254, 255, 0, 1, 254, 255, 0, 1});
    CHECK(values(permute(image, {1, 0})) ==
          Numbers{250, 254, 2, 251, 255, 3, 252, 0, 4, 253, 1, 5});
    CHECK(values(flip(labels, {0})) == Numbers{9, -(1 << 30) - 1, 7});
    CHECK(stack({labels, labels}, 1).shape() == Shape({3, 2}));
    CHECK(values(broadcast_to(labels, {2, 3})).size() == 6);
    CHECK(flip(Tensor::zeros({0, 3}, DType::u8, device), {0}).shape() == Shape({0, 3}));
  });
}

TEST_CASE("ops: rows that cross-entropy ignores may hold anything", "[ops]") {
  on_devices([](Device device) {
    const auto tape = Tape::make();
    const Var x = tape->watch(Tensor::from<double>({0, 0, kNaN, 1}, {2, 2}, device));
    const auto labels = [&](int32_t a, int32_t b) {
      return Tensor::from<int32_t>({a, b}, {2}, device);
    };
    const Var loss = cross_entropy(x, labels(0, 255), {.ignore_index = 255});
    CHECK(std::abs(loss.value().item() - std::log(2)) < 1e-15);
    CHECK(values(tape->gradients(loss, std::vector{x})[0]) == Numbers{-0.5, 0.5, 0, 0});
    CHECK(std::isnan(cross_entropy(x, labels(255, 255), {.ignore_index = 255}).value().item()));
    CHECK(cross_entropy(x, labels(255, 255), {.ignore_index = 255, .total = Total::sum})
              .value()
              .item() == 0);
  });
}

TEST_CASE("ops: a compound assignment leaves what shared the value", "[ops]") {
  Var x = Tensor::from<float>({1, 2}, {2});
  const Var before = x;
  x += 1;
  x *= before;
  x -= Tensor::from<float>({1, 1}, {2});
  x /= 2;
  CHECK(values(x) == Numbers{0.5, 2.5});
  CHECK(values(before) == Numbers{1, 2});
}

TEST_CASE("random: normal and uniform are functions of the draw", "[ops]") {
  on_devices([](Device device) {
    Random random(3), again(3);
    const Tensor z = normal({4000}, random.next(), 2, 0.5, DType::f32, device);
    CHECK(same_bits(z, normal({4000}, again.next(), 2, 0.5, DType::f32, device)));
    CHECK(std::abs(mean(z).item() - 2) < 0.05);
    CHECK(std::abs(var(z, {}, false, 1).item() - 0.25) < 0.02);
    const Tensor u = uniform({4000}, random.next(), -1, 3, DType::f64, device);
    CHECK(u.dtype() == DType::f64);
    CHECK(std::abs(mean(u).item() - 1) < 0.1);
    CHECK(values(mean((Var(u) >= -1) * (Var(u) < 3))) == Numbers{1});
    CHECK(!same_bits(u, uniform({4000}, random.next(), -1, 3, DType::f64, device)));
  });
}
