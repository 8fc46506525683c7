#include "tensor/random.h"

#include <cmath>

#include "autograd/dropout.h"
#include "tensor/backend.h"
#include "tensor/philox.h"
#include "tests/catch.h"
#include "tests/values.h"

using namespace gradus;

namespace {

std::vector<uint32_t> words(const PhiloxBlock& b) { return {b.v, b.v + 4}; }

Tensor uniforms(const Draw& draw, int64_t n, DType dtype = DType::f32) {
  Tensor t({n}, dtype);
  backend(t).fill_uniform(draw, 0, 1, t);
  return t;
}

Tensor normals(const Draw& draw, int64_t n, DType dtype = DType::f32) {
  Tensor t({n}, dtype);
  backend(t).fill_normal(draw, 0, 1, t);
  return t;
}

/// Mean of (x - about)^power.
double moment(const Tensor& t, double about, int power) {
  double sum = 0;
  for (const double x : to_array(t).v) sum += std::pow(x - about, power);
  return sum / static_cast<double>(t.count());
}

/// The largest difference of the distribution of t from the one with this cumulative function.
double kolmogorov(const Tensor& t, double (*cumulative)(double)) {
  std::vector<double> x = to_array(t).v;
  std::sort(x.begin(), x.end());
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i)
    worst = std::max(worst, std::abs(cumulative(x[i]) - (i + 0.5) / x.size()));
  return worst;
}

Tensor step(int32_t value) { return Tensor::from({value}, {}); }

constexpr int64_t kMany = 1 << 20;

}  // namespace

TEST_CASE("philox: known answers", "[random]") {
  // Random123's kat_vectors: philox4x32 10.
  CHECK(words(philox4x32({{0, 0, 0, 0}}, 0, 0)) ==
        std::vector<uint32_t>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  constexpr uint32_t kOnes = 0xffffffff;
  CHECK(words(philox4x32({{kOnes, kOnes, kOnes, kOnes}}, kOnes, kOnes)) ==
        std::vector<uint32_t>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(words(philox4x32({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822,
                         0x299f31d0)) ==
        std::vector<uint32_t>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
  CHECK(uniform01(0) == 0);
  CHECK(uniform01(kOnes) == 1 - 0x1p-24F);
  CHECK(uniform01(255) == 0);
  CHECK(uniform01(256) == 0x1p-24F);
}

TEST_CASE("random: element i is word i % 4 of block i / 4", "[random]") {
  const Draw draw{0xfedcba9876543210, Stream::shuffle, 5, step(9)};
  const std::vector<float> u = uniforms(draw, 1030).to_vector<float>();
  for (uint32_t i = 0; i < u.size(); ++i) {
    const PhiloxBlock block =
        philox4x32({{i / 4, 5, 9, uint32_t(Stream::shuffle)}}, 0x76543210, 0xfedcba98);
    CHECK(u[i] == uniform01(block.v[i % 4]));
  }
}

TEST_CASE("random: uniforms have their moments", "[random]") {
  const Tensor u = uniforms({1, Stream::train, 0, {}}, kMany);
  for (const double x : to_array(u).v) REQUIRE((x >= 0 && x < 1));
  // Five standard deviations of each estimate.
  CHECK(std::abs(moment(u, 0, 1) - 0.5) < 5 * std::sqrt(1.0 / 12 / kMany));
  CHECK(std::abs(moment(u, 0.5, 2) - 1.0 / 12) < 5 * std::sqrt(1.0 / 180 / kMany));
  CHECK(kolmogorov(u, [](double x) { return x; }) < 2 / std::sqrt(double(kMany)));
  Tensor scaled({kMany}, DType::f64);
  backend(scaled).fill_uniform({1, Stream::train, 0, {}}, -3, 5, scaled);
  Array expected = to_array(u);
  for (double& x : expected.v) x = -3 + 8 * x;
  CHECK(same_bits(to_array(scaled), expected));
}

TEST_CASE("random: normals have their moments", "[random]") {
  const Tensor z = normals({2, Stream::train, 0, {}}, kMany);
  const double n = kMany;
  CHECK(std::abs(moment(z, 0, 1)) < 5 / std::sqrt(n));
  CHECK(std::abs(moment(z, 0, 2) - 1) < 5 * std::sqrt(2 / n));
  CHECK(std::abs(moment(z, 0, 3)) < 5 * std::sqrt(15 / n));
  CHECK(std::abs(moment(z, 0, 4) - 3) < 5 * std::sqrt(96 / n));
  CHECK(kolmogorov(z, [](double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }) <
        2 / std::sqrt(n));
  // Neighbours come from one pair of words, and must not show it.
  const Array a = to_array(z);
  for (const size_t lag : {1, 2, 3}) {
    double sum = 0;
    for (size_t i = 0; i + lag < a.v.size(); ++i) sum += a.v[i] * a.v[i + lag];
    CHECK(std::abs(sum / n) < 5 / std::sqrt(n));
  }
  Tensor scaled({1000}, DType::f64);
  backend(scaled).fill_normal({2, Stream::train, 0, {}}, 10, 0.5, scaled);
  for (size_t i = 0; i < 1000; ++i) CHECK(scaled.span<double>()[i] == 10 + 0.5 * a.v[i]);
}

TEST_CASE("random: a shorter draw is the beginning of a longer one", "[random]") {
  const Draw draw{3, Stream::sample, 1, {}};
  for (const auto& fill : {uniforms, normals}) {
    const Array all = to_array(fill(draw, 5000, DType::f32));
    for (const int64_t n : {0, 1, 2, 3, 5, 255, 256, 257, 4097}) {
      const Array part = to_array(fill(draw, n, DType::f32));
      CHECK(std::equal(part.v.begin(), part.v.end(), all.v.begin()));
    }
  }
}

TEST_CASE("random: seed, stream, draw and step each change the numbers", "[random]") {
  const std::vector<Draw> draws = {
      {1, Stream::train, 0, {}},          {2, Stream::train, 0, {}},
      {1ULL << 40, Stream::train, 0, {}}, {1, Stream::init, 0, {}},
      {1, Stream::sample, 0, {}},         {1, Stream::train, 1, {}},
      {1, Stream::train, 0, step(1)},     {1, Stream::train, 0, step(2)},
  };
  for (size_t i = 0; i < draws.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      const Array a = to_array(uniforms(draws[i], 100)), b = to_array(uniforms(draws[j], 100));
      int equal = 0;
      for (size_t k = 0; k < 100; ++k) equal += a.v[k] == b.v[k];
      CHECK(equal <= 1);
    }
  CHECK(same_bits(uniforms({1, Stream::train, 0, {}}, 100),
                  uniforms({1, Stream::train, 0, step(0)}, 100)));
}

TEST_CASE("random: the step is read when the kernel runs", "[random]") {
  Tensor counter = step(4);
  const Draw draw{1, Stream::train, 0, counter};
  const Tensor before = uniforms(draw, 10);
  backend(counter).increment(counter);
  CHECK(counter.item() == 5);
  CHECK(same_bits(uniforms(draw, 10), uniforms({1, Stream::train, 0, step(5)}, 10)));
  CHECK_FALSE(same_bits(uniforms(draw, 10), before));
}

TEST_CASE("random: the number of threads changes nothing", "[random]") {
  const Draw draw{7, Stream::train, 2, {}};
  const Tensor x = Tensor::full({100'003}, 1, DType::f32);
  const auto all = [&](int threads) {
    const Threads scope(threads);
    return std::vector{uniforms(draw, 100'003), normals(draw, 100'003),
                       dropout(x, 0.4, draw).value()};
  };
  const std::vector<Tensor> one = all(1);
  for (const int n : {2, 3, 5}) {
    const std::vector<Tensor> several = all(n);
    for (size_t i = 0; i < one.size(); ++i) CHECK(same_bits(one[i], several[i]));
  }
}

TEST_CASE("random: f64 gets the values of f32", "[random]") {
  const Draw draw{8, Stream::train, 0, {}};
  for (const auto& fill : {uniforms, normals})
    CHECK(same_bits(to_array(fill(draw, 10'000, DType::f32)),
                    to_array(fill(draw, 10'000, DType::f64))));
}

TEST_CASE("random: draws are numbered from 0 and can start again", "[random]") {
  Random random(9, Stream::data);
  CHECK(random.next().index == 0);
  const Draw second = random.next();
  CHECK(second.index == 1);
  CHECK(second.seed == 9);
  CHECK(second.stream == Stream::data);
  CHECK_FALSE(second.step.defined());
  random.restart();
  CHECK(random.next().index == 0);
}

TEST_CASE("random: dropout keeps its share and scales it", "[random]") {
  const Tensor x = Tensor::full({kMany}, 3, DType::f64);
  for (const double rate : {0.1, 0.5, 0.75}) {
    INFO("rate " << rate);
    const Array y = to_array(dropout(x, rate, {10, Stream::train, 0, {}}).value());
    double kept = 0;
    for (const double v : y.v) {
      REQUIRE((v == 0 || v == 3 / (1 - rate)));
      kept += v != 0;
    }
    CHECK(std::abs(kept / kMany - (1 - rate)) < 5 * std::sqrt(rate * (1 - rate) / kMany));
  }
  const Var passed = dropout(x, 0, {});
  CHECK(passed.value().raw() == x.raw());
}
