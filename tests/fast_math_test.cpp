#include "tensor/cpu/fast_math.h"

#include "tensor/backend.h"
#include "tests/catch.h"
#include "tests/values.h"

// The CPU's own exponentials, logarithms and tanh of f32.

using namespace gradus;

namespace {

struct Function {
  UnaryFn fn;
  double (*exact)(double);
};
const Function kFunctions[] = {{Exp{}, std::exp},
                               {Log{}, std::log},
                               {Tanh{}, std::tanh},
                               {Softplus{}, [](double x) { return std::log1p(std::exp(x)); }},
                               {Elu{}, [](double x) { return x > 0 ? x : std::expm1(x); }}};

Tensor apply(const UnaryFn& fn, const Tensor& x) {
  Tensor y = x.like();
  backend(x).unary(fn, x, y);
  return y;
}

/// |y - exact| in units of the last place of an f32 near exact.
double units(float y, double exact) {
  if (std::isnan(exact)) return std::isnan(y) ? 0 : INFINITY;
  if (static_cast<double>(y) == static_cast<float>(exact)) return 0;
  return std::abs(y - exact) / std::ldexp(1.0, std::max(std::ilogb(exact) - 23, -149));
}

}  // namespace

TEST_CASE("fast math: within 4 units in the last place", "[fast_math]") {
  for (const auto& [low, high] :
       {std::pair{-1.0, 1.0}, {-1e-3, 1e-3}, {-110.0, 95.0}, {0.0, 4.0}, {0.0, 1e-37}, {0.0, 3e38}})
    for (const Function& f : kFunctions) {
      INFO(std::visit([](auto fn) { return fn.kName; }, f.fn) << " from " << low << " to " << high);
      const Tensor x = random_tensor({100003}, DType::f32, 1, low, high), y = apply(f.fn, x);
      double worst = 0;
      for (int64_t i = 0; i < x.count(); ++i)
        worst = std::max(worst, units(y.data<float>()[i], f.exact(x.data<float>()[i])));
      CHECK(worst < 4);
    }
}

TEST_CASE("fast math: special values", "[fast_math]") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> special = {0.f,       -0.f,       1.f, -1.f,    1e-45f,  -1e-45f,
                                      kInfinity, -kInfinity, NAN, 3.4e38f, -3.4e38f};
  const Tensor x = Tensor::from(std::span(special), {static_cast<int64_t>(special.size())});
  for (const Function& f : kFunctions) {
    const Tensor y = apply(f.fn, x);
    for (int64_t i = 0; i < x.count(); ++i) {
      INFO(std::visit([](auto fn) { return fn.kName; }, f.fn) << " of " << special[i]);
      // log1p(exp(x)) itself overflows in double where softplus need not.
      if (std::holds_alternative<Softplus>(f.fn) && special[i] > 700) {
        CHECK(y.data<float>()[i] == special[i]);
        continue;
      }
      CHECK(units(y.data<float>()[i], f.exact(special[i])) <= 1);
    }
  }
  CHECK(std::signbit(apply(Tanh{}, x).to_vector<float>()[1]));
}

TEST_CASE("fast math: an element's bits depend neither on its place nor on threads",
          "[fast_math]") {
  const Tensor x = random_tensor({200003}, DType::f32, 2, -9, 9);
  for (const Function& f : kFunctions) {
    INFO(std::visit([](auto fn) { return fn.kName; }, f.fn));
    const Tensor y = apply(f.fn, x);
    {
      const Threads scope(3);
      CHECK(same_bits(apply(f.fn, x), y));
    }
    for (const int64_t n : {1, 5, 63, 64, 65, 129}) {
      const Tensor some = Tensor::from(std::span<const float>(x.data<float>() + 7, n), {n});
      const Tensor alone = apply(f.fn, some);
      CHECK(std::memcmp(alone.raw(), y.data<float>() + 7, n * sizeof(float)) == 0);
    }
  }
}
