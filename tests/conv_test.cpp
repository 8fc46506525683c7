#include "autograd/conv.h"

#include "tensor/cpu/cpu.h"
#include "tests/catch.h"
#include "tests/values.h"

using namespace gradus;

namespace {

double dot(const Tensor& a, const Tensor& b) {
  const Array u = to_array(a), v = to_array(b);
  double sum = 0;
  for (size_t i = 0; i < u.v.size(); ++i) sum += u.v[i] * v.v[i];
  return sum;
}

Tensor row(const std::vector<double>& values) {
  return Tensor::from(std::span<const double>(values), {1, 1, int64_t(values.size()), 1});
}

/// One row of pixels through a kernel of one row.
std::vector<double> conv_row(const std::vector<double>& x, const std::vector<double>& w, int stride,
                             Padding pad) {
  return conv2d(row(x), row(w), {}, {1, stride, pad}).value().to_vector<double>();
}
std::vector<double> transposed_row(const std::vector<double>& x, const std::vector<double>& w,
                                   int stride, Padding pad) {
  return conv_transpose2d(row(x), row(w), {}, {1, stride, pad}).value().to_vector<double>();
}

using Values = std::vector<double>;

}  // namespace

TEST_CASE("conv: a result worked out by hand", "[conv]") {
  // Two channels, a kernel of 2x1, two filters.
  const Tensor x = Tensor::from({1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0}, {1, 2, 2, 2});
  const Tensor w = Tensor::from({1.0, 0.0, 0.0, 10.0, 2.0, 0.0, 0.0, 0.0}, {2, 2, 1, 2});
  const Tensor bias = Tensor::from({0.5, 100.0}, {2});
  const Tensor y = conv2d(x, w, bias, {1, 1, Padding::valid()}).value();
  CHECK(y.shape() == Shape{1, 1, 2, 2});
  CHECK(y.to_vector<double>() == Values{1 + 60 + 0.5, 102, 3 + 80 + 0.5, 106});
}

TEST_CASE("conv: same padding is TensorFlow's", "[conv]") {
  const Values x = {1, 2, 3, 4, 5, 6, 7, 8}, odd = {1, 2, 3, 4, 5};
  // 3 wide, stride 2, even size: 0 before, 1 after.
  CHECK(conv_row(x, {100, 10, 1}, 2, Padding::same()) == Values{123, 345, 567, 780});
  // 5 wide, stride 2, even size: 1 before, 2 after.
  CHECK(conv_row(x, {10000, 1000, 100, 10, 1}, 2, Padding::same()) ==
        Values{1234, 23456, 45678, 67800});
  // 3 wide, stride 2, odd size: 1 before, 1 after.
  CHECK(conv_row(odd, {100, 10, 1}, 2, Padding::same()) == Values{12, 234, 450});
  // Stride 1: 3 wide 1 and 1, 4 wide 1 and 2.
  CHECK(conv_row(odd, {100, 10, 1}, 1, Padding::same()) == Values{12, 123, 234, 345, 450});
  CHECK(conv_row(odd, {1000, 100, 10, 1}, 1, Padding::same()) ==
        Values{123, 1234, 2345, 3450, 4500});
  // A kernel narrower than the stride: nothing before.
  CHECK(conv_row(x, {1}, 3, Padding::same()) == Values{1, 4, 7});
}

TEST_CASE("conv: same transposed by 5 with stride 2 crops 1 before and 2 after", "[conv]") {
  const Values x = {1, 10, 100}, w = {1, 2, 3, 4, 5};
  Values full(2 * 3 + 3, 0.0);
  for (size_t i = 0; i < 3; ++i)
    for (size_t k = 0; k < 5; ++k) full[2 * i + k] += x[i] * w[k];
  CHECK(transposed_row(x, w, 2, Padding::valid()) == full);
  CHECK(transposed_row(x, w, 2, Padding::same()) == Values(full.begin() + 1, full.end() - 2));
  CHECK(transposed_row(x, w, 2, Padding::of(0, 0, 1, 2)) ==
        transposed_row(x, w, 2, Padding::same()));
  // The popular "padding 2, output padding 1" is one pixel off.
  CHECK(transposed_row(x, w, 2, Padding::of(0, 0, 2, 1)) !=
        transposed_row(x, w, 2, Padding::same()));
}

TEST_CASE("conv: transposed with stride larger than the kernel leaves zeros", "[conv]") {
  CHECK(transposed_row({1, 2}, {7}, 3, Padding::same()) == Values{7, 0, 0, 14, 0, 0});
  CHECK(transposed_row({1, 2}, {7}, 3, Padding::valid()) == Values{7, 0, 0, 14});
}

TEST_CASE("conv: conv_transpose2d is the adjoint of conv2d", "[conv]") {
  const Threads scope(1);
  std::mt19937 words(5);
  const auto pick = [&](int low, int high) { return low + int(words() % (high - low + 1)); };
  for (unsigned i = 0; i < 200; ++i) {
    const int r = pick(1, 5), s = pick(1, 5), p = pick(1, 5), q = pick(1, 5), c = pick(1, 5);
    ConvOptions o{pick(1, 3), pick(1, 3), {}, pick(1, 2), pick(1, 3), pick(1, 3)};
    const int kind = pick(0, 2);
    // The sizes at which the transposed convolution ends where x does.
    int h = p * o.stride_h, w = q * o.stride_w;
    if (kind > 0) {
      if (kind == 1) o.padding = Padding::valid();
      if (kind == 2) o.padding = Padding::of(pick(0, 1), pick(0, 1), pick(0, 1), pick(0, 1));
      h = (p - 1) * o.stride_h + (r - 1) * o.dilation_h + 1 - o.padding.top - o.padding.bottom;
      w = (q - 1) * o.stride_w + (s - 1) * o.dilation_w + 1 - o.padding.left - o.padding.right;
    }
    if (h < 1 || w < 1) continue;
    const Tensor x = random_tensor({2, h, w, c * o.groups}, DType::f64, 3 * i);
    const Tensor filters = random_tensor({pick(1, 4) * o.groups, r, s, c}, DType::f64, 3 * i + 1);
    const Tensor y = conv2d(x, filters, {}, o).value();
    INFO("x " << to_string(x.shape()) << " w " << to_string(filters.shape()) << " y "
              << to_string(y.shape()) << " kind " << kind);
    CHECK((y.shape()[1] == p && y.shape()[2] == q));
    const Tensor dy = random_tensor(y.shape(), DType::f64, 3 * i + 2);
    const Tensor dx = conv_transpose2d(dy, filters, {}, o).value();
    REQUIRE(dx.shape() == x.shape());
    const double scale = std::sqrt(dot(y, y) * dot(dy, dy)) + 1e-3;
    CHECK(std::abs(dot(y, dy) - dot(x, dx)) / scale < 1e-13);
  }
}

TEST_CASE("conv: the networks' sizes by the fast kernels and by the reference", "[conv]") {
  struct Layer {
    int64_t size, in, out, kernel;
    int stride;
  };
  cpu::Cpu& fast = cpu::cpu_backend();
  cpu::Reference& reference = cpu::reference_backend();
  unsigned seed = 1;
  for (const auto& [size, in, out, kernel, stride] :
       {Layer{32, 3, 64, 3, 2}, Layer{16, 64, 64, 3, 2}, Layer{8, 64, 64, 3, 1},
        Layer{4, 64, 128, 3, 1}, Layer{2, 128, 128, 3, 1}, Layer{8, 256, 512, 5, 2},
        Layer{16, 128, 256, 5, 2}, Layer{32, 3, 128, 5, 2}}) {
    const int64_t small = size / stride;
    const int pad = static_cast<int>(std::max<int64_t>(kernel - stride, 0) / 2);
    const ConvParams p{stride, stride, pad, pad};
    const Tensor x = random_tensor({3, size, size, in}, DType::f32, ++seed);
    const Tensor w = random_tensor({out, kernel, kernel, in}, DType::f32, ++seed);
    const Tensor dy = random_tensor({3, small, small, out}, DType::f32, ++seed);
    const Tensor bias = random_tensor({out}, DType::f32, ++seed);
    INFO("x " << to_string(x.shape()) << " w " << to_string(w.shape()) << " stride " << stride);
    const auto both = [&](const Tensor& shape, const auto& kernel) {
      Tensor got = shape.like(), expected = Tensor::zeros(shape.shape(), DType::f64);
      kernel(fast, DType::f32, got);
      kernel(reference, DType::f64, expected);
      return error_of(to_array(got), to_array(expected));
    };
    CHECK(both(dy, [&](Backend& b, DType t, Tensor& y) {
            b.conv(p, x.to(t), w.to(t), {bias.to(t)}, y);
          }) < 5e-6);
    CHECK(both(x, [&](Backend& b, DType t, Tensor& dx) {
            b.conv_grad_input(p, w.to(t), dy.to(t), {}, dx);
          }) < 5e-6);
    CHECK(both(w, [&](Backend& b, DType t, Tensor& dw) {
            b.conv_grad_weight(p, x.to(t), dy.to(t), dw);
          }) < 5e-6);
  }
}
