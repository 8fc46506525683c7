#include <fstream>
#include <functional>

#include "autograd/ops.h"
#include "tests/catch.h"
#include "tests/devices.h"
#include "tests/emulation/emulated.h"
#include "tests/values.h"

// Numbers that plain loops over usual values do not see: large logits, infinities and NaN through
// softmax, losses and activations; division; reductions with few outputs.

using namespace gradus;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// A softmax or loss of rows, and the gradient of its sum, on each device.
struct Result {
  std::vector<double> y, dx;
};
using Op = std::function<Var(const Var&)>;

Result run(const Op& op, const Array& x, DType dtype, Device device) {
  const auto tape = Tape::make();
  const Var v = tape->watch(to_tensor(x, dtype, device));
  const Var y = op(v);
  return {to_array(y.value()).v, to_array(tape->gradients(sum(y), std::vector{v}).at(0)).v};
}

Array row(std::vector<double> v) {
  Array a(Shape{1, static_cast<int64_t>(v.size())});
  a.v = std::move(v);
  return a;
}

void for_each_device(const std::function<void(DType, Device)>& fn) {
  cuda::emulation::emulated();
  for (const DType dtype : {DType::f32, DType::f64})
    for (const Device device : {kCpu, cuda::emulation::kEmulated}) {
      INFO(name(dtype) << " on " << to_string(device));
      fn(dtype, device);
    }
}

double epsilon(DType dtype) { return dtype == DType::f32 ? 0x1p-23 : 0x1p-52; }

/// Each is within `units` of the last place of what is expected, or the same infinity or NaN.
void check_close(const std::vector<double>& got, const std::vector<double>& expected, DType dtype,
                 double units = 2) {
  REQUIRE(got.size() == expected.size());
  const double smallest = dtype == DType::f32 ? 0x1p-149 : 0x1p-1074;
  for (size_t i = 0; i < got.size(); ++i) {
    INFO("element " << i << ": " << got[i] << ", expected " << expected[i]);
    const bool close =
        got[i] == expected[i] || (std::isnan(got[i]) && std::isnan(expected[i])) ||
        std::abs(got[i] - expected[i]) <= units * epsilon(dtype) * std::abs(expected[i]) + smallest;
    CHECK(close);
  }
}

/// Softmax by long double, from x less its maximum.
std::vector<double> softmax_of(const std::vector<double>& x) {
  const long double max = *std::max_element(x.begin(), x.end());
  long double total = 0;
  for (const double v : x) total += std::exp(v - max);
  std::vector<double> p;
  for (const double v : x) p.push_back(static_cast<double>(std::exp(v - max) / total));
  return p;
}

Op cross_entropy(std::vector<double> labels) {
  return [labels = row(std::move(labels))](const Var& x) {
    return softmax_cross_entropy(x, to_tensor(labels, x.dtype(), x.device()));
  };
}

}  // namespace

TEST_CASE("numbers: softmax and its kin keep their digits at any size of logits", "[numbers]") {
  for_each_device([](DType dtype, Device device) {
    for (const double size : {0.0, 1.0, 100.0, 1e4, -1e4, 1e8, -1e8, 1e30, -1e30}) {
      INFO("logits near " << size);
      const Array equal = to_array(to_tensor(row({size, size}), dtype));
      const auto of_equal = [&](const Op& op) { return run(op, equal, dtype, device); };
      check_close(of_equal([](const Var& x) { return log_softmax(x); }).y,
                  {-std::log(2.0), -std::log(2.0)}, dtype);
      check_close(of_equal([](const Var& x) { return softmax(x); }).y, {0.5, 0.5}, dtype, 0);
      check_close(of_equal([](const Var& x) { return logsumexp(x); }).dx, {0.5, 0.5}, dtype, 0);
      check_close(of_equal(cross_entropy({1, 0})).y, {std::log(2.0)}, dtype);
      check_close(of_equal(cross_entropy({1, 0})).dx, {-0.5, 0.5}, dtype, 1);

      // Ten near it, as far apart as the dtype can say, and no less than 0.3.
      Array ten = row(std::vector<double>(10));
      for (int i = 0; i < 10; ++i)
        ten.v[i] = size + i * std::max(0.3, 2 * epsilon(dtype) * std::abs(size));
      ten = to_array(to_tensor(ten, dtype));
      const std::vector<double> p = softmax_of(ten.v);
      const auto of_ten = [&](const Op& op) { return run(op, ten, dtype, device); };
      const std::vector<double> got = of_ten([](const Var& x) { return softmax(x); }).y;
      check_close(got, p, dtype);
      double total = 0;
      for (const double v : got) total += v;
      CHECK(std::abs(total - 1) <= 4 * epsilon(dtype));
      std::vector<double> log_p, less_label = p;
      for (const double v : p) log_p.push_back(std::log(v));
      less_label[3] -= 1;
      if (std::abs(size) < 1e8) {  // else some p are 0 in double
        check_close(of_ten([](const Var& x) { return log_softmax(x); }).y, log_p, dtype, 8);
        check_close(of_ten(cross_entropy({0, 0, 0, 1, 0, 0, 0, 0, 0, 0})).y, {-log_p[3]}, dtype, 8);
      }
      check_close(of_ten(cross_entropy({0, 0, 0, 1, 0, 0, 0, 0, 0, 0})).dx, less_label, dtype, 8);
      for (const Op& op : {Op([](const Var& x) { return logsumexp(x, {1}); }),
                           Op([](const Var& x) { return logsumexp(reshape(x, {10}), {}, true); }),
                           Op([](const Var& x) {
                             return logsumexp(reshape(x, {2, 5}), {1, 0});
                           })})
        check_close(of_ten(op).dx, p, dtype);
      // The gradient of one element, along an axis that is not the last.
      const auto first = [](const Var& x) {
        return slice(log_softmax(reshape(x, {10, 1}), 0), 0, 3, 4);
      };
      for (size_t i = 0; i < 10; ++i) less_label[i] = -less_label[i];
      const std::vector<double> dx = of_ten(first).dx;
      for (size_t i = 0; i < 10; ++i) CHECK(std::abs(dx[i] - less_label[i]) <= 4 * epsilon(dtype));
    }
  });
}

TEST_CASE("numbers: softmax and its kin keep their tails", "[numbers]") {
  const double tail = std::log1p(std::exp(-40.0));
  for_each_device([=](DType dtype, Device device) {
    const auto of = [&](const Op& op, std::vector<double> x) {
      return run(op, row(std::move(x)), dtype, device);
    };
    check_close(of([](const Var& x) { return log_softmax(x); }, {40, 0}).y, {-tail, -40}, dtype);
    check_close(of([](const Var& x) { return softmax(x); }, {40, 0}).y, {1, std::exp(-40.0)},
                dtype);
    check_close(of([](const Var& x) { return logsumexp(x); }, {0, -40}).y, {tail}, dtype);
    check_close(of(cross_entropy({1, 0}), {40, 0}).y, {tail}, dtype);
    check_close(of(cross_entropy({1, 0}), {40, 0}).dx, {-tail, tail}, dtype);
    check_close(of(cross_entropy({0, 1}), {0, 40}).dx, {tail, -tail}, dtype);
  });
}

TEST_CASE("numbers: softmax and its kin at infinity", "[numbers]") {
  for_each_device([](DType dtype, Device device) {
    const auto of = [&](const Op& op, std::vector<double> x) {
      return run(op, row(std::move(x)), dtype, device);
    };
    const Op lse = [](const Var& x) { return logsumexp(x, {1}); };
    const Op soft = [](const Var& x) { return softmax(x); };
    const Op log_soft = [](const Var& x) { return log_softmax(x); };
    const double p = 1 / (1 + std::exp(1.0)), q = 1 - p;  // of 1 and 2
    check_close(of(cross_entropy({0, 1, 0}), {-kInf, 1, 2}).y, {-std::log(p)}, dtype);
    check_close(of(cross_entropy({0, 1, 0}), {-kInf, 1, 2}).dx, {0, -q, q}, dtype);
    check_close(of(cross_entropy({1, 0, 0}), {-kInf, 1, 2}).y, {kInf}, dtype);
    check_close(of(cross_entropy({0, 0, 1}), {0, 1, kInf}).y, {0}, dtype);
    check_close(of(cross_entropy({0, 1, 0}), {0, 1, kInf}).y, {kInf}, dtype);
    check_close(of(cross_entropy({0, 1, 0}), {0, 1, kInf}).dx, {0, -1, 1}, dtype);
    check_close(of(cross_entropy({0, 1, 0}), {0, kNan, 1}).y, {kNan}, dtype);
    check_close(of(soft, {-kInf, 1, 2}).y, {0, p, q}, dtype);
    check_close(of(soft, {0, kInf, 2}).y, {0, 1, 0}, dtype);
    check_close(of(soft, {-kInf, -kInf}).y, {kNan, kNan}, dtype);
    check_close(of(soft, {0, kNan}).y, {kNan, kNan}, dtype);
    check_close(of(log_soft, {-kInf, 1, 2}).y, {-kInf, std::log(p), std::log(q)}, dtype);
    check_close(of(log_soft, {0, kInf}).y, {-kInf, 0}, dtype);
    check_close(of(lse, {-kInf, -kInf}).y, {-kInf}, dtype);
    check_close(of(lse, {-kInf, -kInf}).dx, {0, 0}, dtype);
    check_close(of(lse, {-kInf, 1, 2}).dx, {0, p, q}, dtype);
    check_close(of(lse, {3, kInf}).y, {kInf}, dtype);
    check_close(of(lse, {3, kInf}).dx, {0, 1}, dtype);
    check_close(of(lse, {3, kNan}).y, {kNan}, dtype);
    const double largest = dtype == DType::f32 ? 3.4028234663852886e38 : 1.7976931348623157e308;
    check_close(of(lse, {largest, largest}).y, {largest}, dtype);
    check_close(of(soft, {-largest, largest}).y, {0, 1}, dtype);
    // A column whose other elements lie in other rows.
    Array two(Shape{2, 2});
    two.v = {-kInf, 1, -kInf, 1};
    check_close(run([](const Var& x) { return logsumexp(x, {0}); }, two, dtype, device).dx,
                {0, 0.5, 0, 0.5}, dtype);
  });
}

TEST_CASE("numbers: NaN passes through what compares", "[numbers]") {
  for_each_device([](DType dtype, Device device) {
    const Op ops[] = {
        [](const Var& x) { return relu(x); },
        [](const Var& x) { return leaky_relu(x, 0.2); },
        [](const Var& x) { return abs(x); },
        [](const Var& x) { return clamp(x, -1, 1); },
        [](const Var& x) { return elu(x); },
        [](const Var& x) { return maximum(x, 0); },
        [](const Var& x) { return maximum(x, 3); },
        [](const Var& x) { return maximum(x, -x); },
        [](const Var& x) { return maximum(Tensor::full({}, 3, x.dtype(), x.device()), x); },
        [](const Var& x) { return max(x, {1}); },
        [](const Var& x) { return top_k(x.value(), 1).values; },
        [](const Var& x) {
          return max_pool2d(reshape(x, {1, 2, 2, 1}));
        },
        [](const Var& x) { return l1_loss(x, x.detach() * 0); },
        [](const Var& x) { return mse_loss(x, x.detach() * 0); },
        [](const Var& x) { return huber_loss(x, x.detach() * 0); }};
    for (size_t i = 0; i < std::size(ops); ++i)
      for (const size_t at : {0, 1, 3}) {
        INFO("operation " << i << ", NaN at " << at);
        Array x = row({1, -2, 0.5, 5});
        x.v[at] = kNan;
        const Tensor t = to_tensor(x, dtype, device);
        const std::vector<double> y = to_array(ops[i](t).value()).v;
        CHECK(std::isnan(y[y.size() == 4 ? at : 0]));
      }
  });
}

TEST_CASE("numbers: NaN passes through activations that kernels end with", "[numbers]") {
  const Op activations[] = {
      [](const Var& x) { return relu(x); }, [](const Var& x) { return leaky_relu(x, 0.2); },
      [](const Var& x) { return elu(x); }, [](const Var& x) { return tanh(x); },
      [](const Var& x) { return sigmoid(x); }};
  for_each_device([&](DType dtype, Device device) {
    // Channels by which the CPU chooses among its kernels.
    for (const auto& [in, out, kernel] :
         {std::array{3, 8, 3}, {16, 16, 3}, {16, 32, 1}, {4, 3, 5}, {32, 32, 5}})
      for (size_t i = 0; i < std::size(activations); ++i) {
        if (in * out > 24 && (dtype == DType::f64 || device != kCpu))
          continue;  // one kernel for all
        INFO(in << " to " << out << " channels by " << kernel << ", activation " << i);
        Array x = random_array({2, 8, 8, in}, -1, 1, 1);
        x.v[0] = kNan;
        const Tensor w =
            to_tensor(random_array({out, kernel, kernel, in}, -1, 1, 2), dtype, device);
        const Tensor wt =
            to_tensor(random_array({in, kernel, kernel, out}, -1, 1, 2), dtype, device);
        const Tensor one = Tensor::full({in}, 1, dtype, device);
        const Var image = to_tensor(x, dtype, device);
        CHECK(std::isnan(to_array(activations[i](conv2d(image, w, {})).value()).v[0]));
        CHECK(std::isnan(to_array(activations[i](conv_transpose2d(image, wt, {})).value()).v[0]));
        CHECK(
            std::isnan(to_array(activations[i](batch_norm(image, one, one, 1e-3).y).value()).v[0]));
      }
  });
}

TEST_CASE("numbers: division by a number and means are correctly rounded", "[numbers]") {
  for_each_device([](DType dtype, Device device) {
    const auto rounded = [=](double v) { return dtype == DType::f32 ? double(float(v)) : v; };
    for (int64_t n : {1, 2, 3, 7, 10, 41, 49, 83, 100, 161, 1000, 33000}) {
      INFO(n << " elements");
      const Tensor ones = Tensor::full({n}, 1, dtype, device);
      CHECK(mean(ones).item() == 1);
      CHECK(to_array(mean(Var(ones.reshape({n, 1})), {0}).value()).v[0] == 1);
      const auto tape = Tape::make();
      const Var x = tape->watch(ones);
      CHECK(to_array(tape->gradients(mean(x) * 7, std::vector{x}).at(0)).v[0] ==
            rounded(7.0 / double(n)));
    }
    const Array a = to_array(to_tensor(random_array({1003}, -9, 9, 1), dtype));
    for (const double c : {3.0, 49.0, 0.75, -7.0}) {
      const auto tape = Tape::make();
      const Var x = tape->watch(to_tensor(a, dtype, device));
      const std::vector<double> y = to_array((x / c).value()).v;
      const Tensor dy = to_tensor(random_array({1003}, -9, 9, 2), dtype, device);
      const Array exact_dy = to_array(dy);
      const std::vector<double> dx =
          to_array(tape->gradients(sum(x / c * dy), std::vector{x}).at(0)).v;
      for (size_t i = 0; i < a.v.size(); ++i) {
        CHECK(y[i] == rounded(a.v[i] / c));
        CHECK(dx[i] == rounded(exact_dy.v[i] / c));
      }
    }
    const double largest = dtype == DType::f32 ? 3e38 : 1e308;
    if (dtype == DType::f32)  // a mean of f32 whose sum is none
      CHECK(mean(Tensor::full({5}, largest, dtype, device)).item() == float(largest));
    const Tensor ones = Tensor::full({1, 7, 7, 3}, 1, dtype, device);
    CHECK(to_array(global_avg_pool2d(ones).value()).v == std::vector<double>(3, 1.0));
    CHECK(to_array(avg_pool2d(ones, {.kernel_h = 7, .kernel_w = 7}).value()).v ==
          std::vector<double>(3, 1.0));
  });
}

namespace {

using Reducer = Var (*)(const Var&, const Axes&, bool);
const Reducer kReducers[] = {sum, mean, max, logsumexp};

/// Reductions of many inputs to few outputs, in all kinds of orders.
std::vector<Op> long_reductions(Reducer reduce) {
  const auto over = [=](const Shape& shape, auto... axes) {
    return [=](const Var& x) { return reduce(reshape(x, shape), {axes...}, false); };
  };
  return {over({600000}),          over({600000, 1}, 0),         over({3, 200000}, 1),
          over({200000, 3}, 0),    over({2, 75000, 4}, 1),       over({100, 30, 200}, 0, 2),
          over({2, 3, 100000}, 1), over({5, 40, 10, 300}, 1, 3), over({10, 60000}, 0)};
}

/// The most memory that work takes beyond what was there, in bytes; -1 where Linux does not say.
int64_t peak_of(const std::function<void()>& work) {
  const auto kilobytes = [](const char* what) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
      if (line.rfind(what, 0) == 0)
        return std::stoll(line.substr(line.find_first_of("0123456789")));
    return -1LL;
  };
  std::ofstream refs("/proc/self/clear_refs");
  refs << "5" << std::flush;  // the peak is the present size
  const long long before = kilobytes("VmRSS");
  if (!refs.good() || before < 0 || kilobytes("VmHWM") > before + 4096) return -1;
  work();
  return (kilobytes("VmHWM") - before) * 1024;
}

}  // namespace

TEST_CASE("numbers: reductions to few outputs are right and the same for every number of threads",
          "[numbers]") {
  cuda::emulation::emulated();
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor x = random_tensor({600000}, dtype, 1, -1, 2);
    for (size_t r = 0; r < std::size(kReducers); ++r) {
      const std::vector<Op> ops = long_reductions(kReducers[r]);
      for (size_t i = 0; i < ops.size(); ++i) {
        INFO("reduction " << r << " over " << i << " in " << name(dtype));
        const auto with = [&](int threads) {
          const Threads scope(threads);
          return to_array(ops[i](x).value());
        };
        const Array one = with(1);
        for (const int threads : {2, 5}) CHECK(same_bits(with(threads), one));
        if (dtype == DType::f64) continue;  // and f64 tells what is right, f32 on a card too
        const Array exact = to_array(ops[i](x.to(DType::f64)).value());
        CHECK(error_of(one, exact) <= 1e-7);
        if (i % 3) continue;  // emulation takes its time
        const Tensor copy = x.to(cuda::emulation::kEmulated);
        CHECK(error_of(to_array(ops[i](copy).value()), exact) <= 1e-7);
      }
    }
  }
}

TEST_CASE("numbers: a reduction takes no memory to speak of", "[numbers]") {
  const Tensor x = random_tensor({1 << 22}, DType::f32, 1);
  for (const Reducer reduce : kReducers)
    for (const Shape& shape : {Shape{1 << 22}, Shape{1 << 19, 8}, Shape{8, 1 << 19}}) {
      for (const int axis : {0, shape.rank() - 1}) {
        const Tensor y =
            reduce(Var(x.reshape(shape)), {axis}, false).value();  // libraries' first use
        const int64_t peak =
            peak_of([&] { const Var again = reduce(Var(x.reshape(shape)), {axis}, false); });
        if (peak < 0) {
          std::cout << "skipped: /proc/self/clear_refs does not reset the peak\n";
          return;
        }
        INFO(to_string(shape) << " over axis " << axis << ": " << peak << " bytes");
        CHECK(peak <= static_cast<int64_t>(y.bytes()) + (4 << 20));
      }
    }
}
