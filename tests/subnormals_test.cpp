#include "tensor/cpu/subnormals.h"

#include <limits>

#include "tensor/backend.h"
#include "tests/catch.h"
#include "tests/devices.h"
#include "tests/values.h"

using namespace gradus;

namespace {

constexpr double kSmall = 1e-40;  // subnormal in f32, normal in f64

/// The largest element of what kernel(backend, out) gives on the CPU, for operands of 1e-40 and 1.
double largest(const Shape& shape, DType dtype, const auto& kernel) {
  Tensor y(shape, dtype);
  kernel(backend(kCpu), y);
  double largest = 0;
  for (const double v : to_array(y).v) largest = std::max(largest, std::abs(v));
  return largest;
}

struct Layer {
  int64_t size, in, out;
  int kernel, stride;
};

// By Winograd's kernels, our direct ones, oneDNN's, im2col products, and few channels.
const Layer kLayers[] = {{16, 64, 64, 3, 1},
                         {16, 64, 64, 1, 1},
                         {12, 24, 16, 7, 1},
                         {2, 32, 32, 3, 1},
                         {8, 3, 64, 3, 2}};

}  // namespace

TEST_CASE("subnormals: products and updates in f32 take them as 0, in f64 they keep them",
          "[subnormals]") {
  const double kept = kSmall * 0.99;
  for (const int count : {1, 2}) {
    const Threads threads(count);
    for (const DType t : {DType::f32, DType::f64}) {
      INFO(count << " threads, " << std::string(name(t)));
      const auto full = [t](const Shape& shape, double v) { return Tensor::full(shape, v, t); };
      const auto check = [&](double v) { CHECK((t == DType::f32 ? v == 0 : v >= kept)); };
      check(largest({64, 64}, t, [&](Backend& b, Tensor& c) {
        b.matmul(false, false, full({64, 64}, kSmall), full({64, 64}, 1), c);
      }));
      for (const auto& [size, in, out, kernel, stride] : kLayers) {
        const int pad = (kernel - 1) / 2;
        const ConvParams p{stride, stride, pad, pad};
        const Shape x{2, size, size, in}, w{out, kernel, kernel, in},
            y{2, (size + stride - 1) / stride, (size + stride - 1) / stride, out};
        INFO(x << " " << w);
        check(largest(y, t, [&](Backend& b, Tensor& out) {
          b.conv(p, full(x, kSmall), full(w, 1), {}, out);
        }));
        check(largest(x, t, [&](Backend& b, Tensor& out) {
          b.conv_grad_input(p, full(w, kSmall), full(y, 1), {}, out);
        }));
        check(largest(w, t, [&](Backend& b, Tensor& out) {
          b.conv_grad_weight(p, full(x, 1), full(y, kSmall), out);
        }));
      }
      std::vector<UpdateSlot> slots{{full({100000}, 0), full({100000}, kSmall), {}, {}}};
      backend(kCpu).update(SgdUpdate{}, Tensor::full({}, 1, DType::f64), {}, slots);
      check(std::abs(to_array(slots[0].value).v[99999]));
    }
  }
}

TEST_CASE("subnormals: other functions of f32, and the caller's own code, keep them",
          "[subnormals]") {
  const Threads threads(2);
  const Tensor x = Tensor::full({64, 64}, 1, DType::f32);
  Tensor y = x.like();
  // Without what past operations have raised.
  const auto control = [] { return cpu::float_control() & ~0x3fU; };
  const unsigned before = control();
  backend(kCpu).matmul(false, false, x, x, y);
  CHECK(control() == before);
  std::vector<unsigned> controls(2);
#pragma omp parallel num_threads(2)
  controls[omp_get_thread_num()] = control();
  CHECK(controls == std::vector<unsigned>(2, before));
  backend(kCpu).unary(Exp{}, Tensor::full({64, 64}, -100, DType::f32), y);
  CHECK(to_array(y).v[0] > 3e-44);
}
