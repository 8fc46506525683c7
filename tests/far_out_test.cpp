#include <fstream>
#include <functional>
#include <sstream>

#include "tensor/backend.h"
#include "tensor/cpu/cpu.h"
#include "tests/catch.h"
#include "tests/devices.h"
#include "tests/emulation/emulated.h"
#include "tests/source_dir.h"
#include "tests/values.h"

// Element-wise functions and their derivatives where floating point ends: tails, overflow,
// subnormal numbers, infinities, NaN; against mpmath's values (fixtures/far_out).

using namespace gradus;

namespace {

struct Row {
  double x, f, df;
};

/// Any double, subnormal ones, "inf" and "nan" too.
double number(const std::string& word) { return std::strtod(word.c_str(), nullptr); }

/// The table's block of that name.
std::vector<Row> rows_of(const std::string& name) {
  std::ifstream in(source_dir() / "tests/fixtures/far_out/elementwise.txt");
  std::vector<Row> rows;
  bool here = false;
  for (std::string line; std::getline(in, line);) {
    if (line[0] == '#') {
      here = line == "# " + name;
      continue;
    }
    std::istringstream words(line);
    std::string x, f, df;
    words >> x >> f >> df;
    if (here) rows.push_back({number(x), number(f), number(df)});
  }
  return rows;
}

/// A function with one operand; its kernels, called as autograd does.
struct Function {
  std::string name;
  std::function<void(Backend&, const Tensor& x, Tensor& y)> f;
  std::function<void(Backend&, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx)> df;
  double units = 4;  ///< in the last place, that a value may be off by
  double floor = 0;  ///< in units of the last place of 1, that a derivative may be off by anyway
};

Function unary_function(const std::string& name, const UnaryFn& fn, double units = 4,
                        double floor = 0) {
  const Saves saves = std::visit([](auto f) { return f.saves; }, fn);
  return {name, [=](Backend& b, const Tensor& x, Tensor& y) { b.unary(fn, x, y); },
          [=](Backend& b, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx) {
            b.unary_backward(fn, saves == Saves::input ? x : Tensor(),
                             saves == Saves::output ? y : Tensor(), dy, dx);
          },
          units, floor};
}

Function sigmoid_cross_entropy_function(double label, double floor) {
  const auto labels = [=](const Tensor& x) {
    return Tensor::full({}, label, x.dtype(), x.device());
  };
  return {fmt::format("sigmoid_cross_entropy {}", label),
          [=](Backend& b, const Tensor& x, Tensor& y) {
            b.binary(SigmoidCrossEntropy{}, x, labels(x), y);
          },
          [=](Backend& b, const Tensor& x, const Tensor&, const Tensor& dy, Tensor& dx) {
            b.sigmoid_cross_entropy_backward(x, labels(x), dy, dx);
          },
          4, floor};
}

// A derivative that reads its function's output alone knows that to a unit in the last place.
// gelu's exp(-x^2 / 2) multiplies its argument's rounding by x^2 / 2.
std::vector<Function> functions() {
  return {unary_function("exp", Exp{}),
          unary_function("log", Log{}),
          unary_function("sqrt", Sqrt{}),
          unary_function("tanh", Tanh{}, 4, 4),
          unary_function("sigmoid", Sigmoid{}, 4, 1),
          unary_function("softplus", Softplus{}),
          unary_function("relu", Relu{}, 0),
          unary_function("leaky_relu 0.25", LeakyRelu{0.25}, 0),
          unary_function("abs", Abs{}, 0),
          unary_function("clamp -0.5 2", Clamp{-0.5, 2}, 0),
          unary_function("pow 2.5", Pow{2.5}),
          unary_function("pow 3", Pow{3}),
          unary_function("pow 0.5", Pow{0.5}),
          unary_function("pow -1", Pow{-1}),
          unary_function("sin", Sin{}),
          unary_function("cos", Cos{}),
          unary_function("gelu", Gelu{}, 100),
          unary_function("silu", Silu{}, 8),
          unary_function("elu 0.5", Elu{0.5}, 4, 2),
          unary_function("huber 2", Huber{2}, 1),
          unary_function("affine 3 -0.5", Affine{3, -0.5}, 1),
          unary_function("divide 3", DivideBy{3}, 0.5),
          sigmoid_cross_entropy_function(0, 0),
          sigmoid_cross_entropy_function(0.25, 1),
          sigmoid_cross_entropy_function(1, 0)};
}

/// |got - exact| in units of the last place of T near `exact`.
template <class T>
double units_off(T got, double exact) {
  if (std::isnan(exact)) return std::isnan(got) ? 0 : INFINITY;
  const T nearest = static_cast<T>(exact);
  if (got == nearest) return 0;
  if (std::isinf(nearest) || !std::isfinite(got)) return INFINITY;
  const int place = std::ilogb(std::max<double>(std::abs(exact), std::numeric_limits<T>::min()));
  return std::abs(got - exact) / std::ldexp(std::numeric_limits<T>::epsilon(), place);
}

template <class T>
void check(const Function& function, const char* where, Device device, Backend& b) {
  constexpr double kEpsilon = std::numeric_limits<T>::epsilon();
  std::vector<Row> rows;
  for (const Row& row : rows_of(function.name))
    if (std::isnan(row.x) || static_cast<double>(static_cast<T>(row.x)) == row.x)
      rows.push_back(row);
  REQUIRE(rows.size() > 50);
  // So often that each row stands in whole vectors and in what they leave over.
  const int64_t n = 257 + static_cast<int64_t>(rows.size());
  std::vector<T> xs(n);
  for (int64_t i = 0; i < n; ++i) xs[i] = static_cast<T>(rows[i % rows.size()].x);
  const Tensor x = Tensor::from(std::span<const T>(xs), {n}, device);
  Tensor y = x.like(), dx = x.like();
  function.f(b, x, y);
  function.df(b, x, y, Tensor::full({n}, 1, x.dtype(), device), dx);
  const std::vector<T> f = y.to_vector<T>(), df = dx.to_vector<T>();
  for (int64_t i = 0; i < n; ++i) {
    const Row& row = rows[i % rows.size()];
    INFO(where << " " << name(x.dtype()) << ": " << function.name << " of " << row.x);
    // x times a subnormal number has no more digits than that.
    constexpr double kTiny = std::numeric_limits<T>::denorm_min();
    const double rest = std::isfinite(row.x) ? std::min(std::abs(row.x), 1000.0) * kTiny : 0;
    INFO("f " << f[i] << ", exactly " << row.f << ", df " << df[i] << ", exactly " << row.df);
    const bool f_is_right =
        units_off(f[i], row.f) <= function.units || std::abs(f[i] - row.f) <= rest;
    const bool df_is_right = units_off(df[i], row.df) <= function.units ||
                             std::abs(df[i] - row.df) <= rest + function.floor * kEpsilon;
    CHECK(f_is_right);
    CHECK(df_is_right);
  }
}

void check_all(const char* where, Device device, Backend& b) {
  for (const Function& function : functions()) {
    check<float>(function, where, device, b);
    check<double>(function, where, device, b);
  }
}

}  // namespace

TEST_CASE("far out: element-wise functions and derivatives agree with mpmath", "[far_out]") {
  check_all("cpu", kCpu, backend(kCpu));
  check_all("reference", kCpu, cpu::reference_backend());
  cuda::emulation::Emulated& emulated = cuda::emulation::emulated();
  check_all("emulated kernels", cuda::emulation::kEmulated, emulated);
}

TEST_CASE("cuda: far out, element-wise functions and derivatives agree with mpmath",
          "[far_out][cuda][gpu]") {
  if (const auto device = cuda_device()) check_all("cuda", *device, backend(*device));
}
