#include "tensor/cpu/convolution/convolution.h"

#include <algorithm>
#include <array>

#include "tensor/cpu/convolution/algorithm_choice.h"
#include "tensor/cpu/convolution/algorithms.h"
#include "tensor/cpu/convolution/toom_cook.h"
#include "tensor/cpu/cpu.h"
#include "tensor/cpu/transpose.h"
#include "tests/catch.h"
#include "tests/values.h"

// The algorithms by which the CPU computes a convolution in f32, one by one, and the choice among
// them.

using namespace gradus;
using namespace gradus::cpu::convolution;

namespace {

/// A convolution of random numbers, and what the reference makes of it in f64.
struct Case {
  ConvParams params;
  Tensor x, w, dy, bias_k, bias_c;
  Geometry g;

  Case(const ConvParams& p, const Shape& x_shape, const Shape& w_shape, int64_t rows,
       int64_t columns)
      : params(p),
        x(random_tensor(x_shape, DType::f32, 1)),
        w(random_tensor(w_shape, DType::f32, 2)),
        dy(random_tensor({x_shape[0], rows, columns, w_shape[0]}, DType::f32, 3)),
        bias_k(random_tensor({w_shape[0]}, DType::f32, 4)),
        bias_c(random_tensor({x_shape[3]}, DType::f32, 5)),
        g(p, x_shape, w_shape, dy.shape()) {}

  std::string name() const {
    return fmt::format("x {} w {} stride {} {} padding {} {}", x.shape(), w.shape(),
                       params.stride_h, params.stride_w, params.pad_top, params.pad_left);
  }
  /// The largest of what kernel(activation, output) makes with each activation that kernels apply.
  double error(const Tensor& shape, const auto& kernel, const auto& reference) const {
    Backend& on = cpu::reference_backend();
    Tensor got = shape.like(), expected = shape.like().to(DType::f64);
    reference(on, expected);
    double worst = 0;
    for (const Activation& a : {Activation{}, Activation{LeakyRelu{0.3}}, Activation{Relu{}}}) {
      Tensor ended = expected.clone();
      std::visit(
          [&]<class F>(F f) {
            if constexpr (!std::is_same_v<F, Identity>) on.unary(f, ended, ended);
          },
          a);
      kernel(cpu::Rectifier(a), got.mutable_data<float>());
      worst = std::max(worst, error_of(to_array(got), to_array(ended)));
    }
    return worst;
  }
  double forward_error(const auto& forward) const {
    return error(
        dy,
        [&](const cpu::Rectifier& a, float* y) {
          forward(g, x.data<float>(), w.data<float>(), {bias_k.data<float>(), a}, y);
        },
        [&](Backend& on, Tensor& y) {
          on.conv(params, x.to(DType::f64), w.to(DType::f64), {bias_k.to(DType::f64)}, y);
        });
  }
  double grad_input_error(const auto& grad_input) const {
    return error(
        x,
        [&](const cpu::Rectifier& a, float* dx) {
          grad_input(g, w.data<float>(), dy.data<float>(), {bias_c.data<float>(), a}, dx);
        },
        [&](Backend& on, Tensor& dx) {
          on.conv_grad_input(params, w.to(DType::f64), dy.to(DType::f64), {bias_c.to(DType::f64)},
                             dx);
        });
  }
  double grad_weight_error(const auto& grad_weight) const {
    Tensor got = w.like(), expected = w.like().to(DType::f64);
    grad_weight(g, x.data<float>(), dy.data<float>(), got.mutable_data<float>());
    cpu::reference_backend().conv_grad_weight(params, x.to(DType::f64), dy.to(DType::f64),
                                              expected);
    return error_of(to_array(got), to_array(expected));
  }
};

/// Images around a tile's count, kernels, strides, paddings and channels in all sorts of
/// combination.
std::vector<Case> cases() {
  std::vector<Case> all;
  const int64_t batches[] = {6, 7, 1, 13, 4}, channels[] = {16, 48, 3, 32, 80, 5};
  size_t i = 0;
  for (int kernel = 1; kernel <= 5; ++kernel)
    for (int stride = 1; stride <= 3; ++stride)
      for (int pad = 0; pad < kernel; ++pad) {
        const int64_t h = 5 + int64_t(i % 4), w = 5 + int64_t(i / 2 % 5);
        // Behind, as much padding as in front and up to a stride of unread input.
        const int64_t p = (h + 2 * pad - kernel) / stride + 1;
        const int64_t q = (w + 2 * pad - kernel) / stride + 1;
        all.emplace_back(ConvParams{stride, stride, pad, pad},
                         Shape{batches[i % 5], h, w, channels[i % 6]},
                         Shape{channels[(i / 3 + 1) % 6], kernel, kernel, channels[i % 6]}, p, q);
        ++i;
      }
  all.emplace_back(ConvParams{1, 2, 0, 1}, Shape{6, 7, 9, 16}, Shape{64, 2, 3, 16}, 6, 5);
  all.emplace_back(ConvParams{2, 1, 4, 0}, Shape{7, 3, 4, 16}, Shape{16, 5, 4, 16}, 4, 1);
  return all;
}

}  // namespace

TEST_CASE("convolution: our direct kernels agree with the reference", "[conv]") {
  int64_t forward = 0, grad_input = 0, grad_weight = 0;
  for (const Case& c : cases()) {
    INFO(c.name());
    if (direct::takes_forward(c.g) && ++forward) CHECK(c.forward_error(direct::forward) < 3e-6);
    if (direct::takes_grad_input(c.g) && ++grad_input)
      CHECK(c.grad_input_error(direct::grad_input) < 3e-6);
    if (direct::takes_grad_weight(c.g) && ++grad_weight)
      CHECK(c.grad_weight_error(direct::grad_weight) < 3e-6);
  }
  CHECK(forward >= 12);
  CHECK(grad_input >= 12);
  CHECK(grad_weight >= 12);
}

TEST_CASE("convolution: Winograd's agree with the reference", "[conv]") {
  std::vector<Case> all;
  const int64_t channels[] = {16, 32, 48};
  size_t i = 0;
  // 3 x 3: whole and cut tiles of both sizes, one and several an image.
  for (const int64_t h : {2, 3, 4, 5, 8})
    for (const int64_t w : {4, 6, 9})
      for (int pad = 0; pad < 3; ++pad, ++i)
        all.emplace_back(ConvParams{1, 1, pad, 1},
                         Shape{1 + int64_t(i % 7), h + 2 - 2 * pad + pad, w, channels[i % 3]},
                         Shape{channels[i / 2 % 3], 3, 3, channels[i % 3]}, h + pad, w);
  // 3 x 3 with stride 2.
  for (const int64_t p : {1, 3, 4, 7})
    for (const int64_t q : {2, 4, 9})
      for (int pad = 0; pad < 3; ++pad, ++i)
        all.emplace_back(
            ConvParams{2, 2, pad, 1},
            Shape{1 + int64_t(i % 7), 2 * p + 1 - pad, 2 * q - int64_t(i % 2), channels[i % 3]},
            Shape{channels[i / 2 % 3], 3, 3, channels[i % 3]}, p, q);
  // To half the rows and columns, and back.
  for (const int64_t p : {1, 2, 4, 5})
    for (int kernel = 2; kernel <= 6; ++kernel)
      for (int pad = std::max(0, kernel - 4); pad <= std::min(2, kernel - 1); ++pad, ++i)
        all.emplace_back(ConvParams{2, 2, pad, pad},
                         Shape{1 + int64_t(i % 7), 2 * p, 8, channels[i % 3]},
                         Shape{channels[i / 2 % 3], kernel, kernel, channels[i % 3]}, p, 4);
  int64_t taken = 0;
  for (const Case& c : all) {
    INFO(c.name());
    if (!winograd::takes(c.g)) continue;
    ++taken;
    CHECK(c.forward_error(winograd::forward) < 5e-6);
    CHECK(c.grad_input_error(winograd::grad_input) < 5e-6);
    CHECK(c.grad_weight_error(winograd::grad_weight) < 5e-6);
  }
  CHECK(taken == static_cast<int64_t>(all.size()));
}

TEST_CASE("convolution: gradients of few channels agree with the reference", "[conv]") {
  int64_t i = 0, taken = 0;
  for (int64_t channels = 1; channels <= 5; ++channels)
    for (int kernel = 2; kernel <= 6; ++kernel)
      for (int pad = std::max(0, kernel - 4); pad <= std::min(2, kernel - 1); ++pad, ++i) {
        const Case c(ConvParams{2, 2, pad, pad}, Shape{1 + i % 7, 6 + i % 3 * 2, 10, channels},
                     Shape{16 + i % 2 * 16, kernel, kernel, channels}, 3 + i % 3, 5);
        INFO(c.name());
        CHECK(few_channels::takes_grad_input(c.g) == (channels <= 4));
        if (!few_channels::takes_grad_input(c.g)) continue;
        ++taken;
        CHECK(c.grad_input_error(few_channels::grad_input) < 5e-6);
      }
  CHECK(taken > 0);
}

TEST_CASE("convolution: Toom and Cook's interpolation filters exactly", "[conv]") {
  const auto check = []<class F>() {
    double g[3] = {0.3, -1.2, 0.7}, d[F::kPoints], y[F::kOutputs];
    double filter[F::kFilters], data[F::kPoints], products[F::kPoints];
    for (int i = 0; i < F::kPoints; ++i) d[i] = std::sin(i + 1.0);
    multiply<F::kG>(g, filter);
    multiply<F::kBt>(d, data);
    for (int i = 0; i < F::kPoints; ++i) products[i] = filter[filter_of<F>(i)] * data[i];
    multiply_transposed<F::kA>(products, y);
    for (int i = 0; i < F::kOutputs; ++i) {
      const double* const x = d + i * F::kStride;
      CHECK(std::abs(y[i] - (x[0] * g[0] + x[1] * g[1] + x[2] * g[2])) < 1e-14);
    }
  };
  check.operator()<Dense<2>>();
  check.operator()<Dense<4>>();
  check.operator()<Strided>();
}

TEST_CASE("convolution: our kernels give the same bits for every number of threads", "[conv]") {
  const auto run = [](int threads, const Tensor& shape, const auto& kernel) {
    const Threads scope(threads);
    Tensor out = shape.like();
    kernel(out.mutable_data<float>());
    return out;
  };
  const auto same = [&](const Tensor& shape, const auto& kernel) {
    const Tensor one = run(1, shape, kernel);
    return std::ranges::all_of(std::array{2, 3, 8, 40}, [&](int threads) {
      return same_bits(one, run(threads, shape, kernel));
    });
  };
  for (const Case& c : cases()) {
    INFO(c.name());
    const float *x = c.x.data<float>(), *w = c.w.data<float>(), *dy = c.dy.data<float>();
    const auto forward = [&](auto* kernel) {
      return same(c.dy, [&](float* y) { kernel(c.g, x, w, {}, y); });
    };
    const auto grad_input = [&](auto* kernel) {
      return same(c.x, [&](float* dx) { kernel(c.g, w, dy, {}, dx); });
    };
    const auto grad_weight = [&](auto* kernel) {
      return same(c.w, [&](float* dw) { kernel(c.g, x, dy, dw); });
    };
    if (direct::takes_forward(c.g)) CHECK(forward(direct::forward));
    if (direct::takes_grad_input(c.g)) CHECK(grad_input(direct::grad_input));
    if (direct::takes_grad_weight(c.g)) CHECK(grad_weight(direct::grad_weight));
    if (!winograd::takes(c.g)) continue;
    CHECK(forward(winograd::forward));
    CHECK(grad_input(winograd::grad_input));
    CHECK(grad_weight(winograd::grad_weight));
  }
}

TEST_CASE("convolution: the choice falls on our kernels for the networks' layers", "[conv]") {
  const auto geometry = [](int64_t n, int64_t size, int64_t in, int64_t p, int64_t out, int kernel,
                           int stride, int pad) {
    return Geometry({stride, stride, pad, pad}, {n, size, size, in}, {out, kernel, kernel, in},
                    {n, p, p, out});
  };
  const auto algorithms = [](const Geometry& g) {
    return std::vector{forward_algorithm(g), grad_input_algorithm(g), grad_weight_algorithm(g)};
  };
  const auto all = [](Algorithm algorithm) { return std::vector{algorithm, algorithm, algorithm}; };
  const bool wide = cpu::vector_lanes() >= 8, widest = cpu::vector_lanes() >= 16;
  const Algorithm direct = wide ? Algorithm::direct : Algorithm::onednn;
  const Algorithm winograd = wide ? Algorithm::winograd : Algorithm::onednn;
  const Algorithm direct_weight = widest ? Algorithm::direct : Algorithm::onednn;
  // conv1 to conv5 and conv7, deconv2 to deconv4
  CHECK(algorithms(geometry(128, 32, 3, 16, 64, 3, 2, 0)) ==
        std::vector{direct, Algorithm::im2col, Algorithm::onednn});
  CHECK(algorithms(geometry(128, 16, 64, 8, 64, 3, 2, 0)) == all(winograd));
  CHECK(algorithms(geometry(128, 8, 64, 4, 64, 3, 2, 0)) == all(winograd));
  CHECK(algorithms(geometry(128, 4, 64, 4, 128, 3, 1, 1)) == all(winograd));
  CHECK(algorithms(geometry(128, 4, 128, 4, 128, 3, 1, 1)) == all(winograd));
  CHECK(algorithms(geometry(128, 4, 128, 2, 128, 3, 1, 0)) ==
        all(wide ? Algorithm::winograd : Algorithm::im2col));
  CHECK(algorithms(geometry(128, 8, 64, 4, 128, 5, 2, 1)) == all(winograd));
  CHECK(algorithms(geometry(128, 16, 32, 8, 64, 5, 2, 1)) == all(winograd));
  CHECK(algorithms(geometry(128, 32, 3, 16, 32, 5, 2, 1)) ==
        std::vector{direct, wide ? Algorithm::few_channels : Algorithm::im2col, Algorithm::onednn});
  // Taps in a column, too few images, too few channels, a shape that oneDNN does not take.
  CHECK(algorithms({{2, 2, 0, 0}, {128, 16, 16, 64}, {64, 3, 1, 64}, {128, 8, 8, 64}}) ==
        std::vector{direct, direct, direct_weight});
  CHECK(algorithms(geometry(1, 16, 64, 8, 64, 3, 2, 0))[0] == Algorithm::onednn);
  CHECK(algorithms(geometry(128, 8, 5, 8, 5, 3, 1, 1)) ==
        std::vector{Algorithm::onednn, Algorithm::im2col, Algorithm::onednn});
  CHECK(algorithms(geometry(128, 8, 16, 4, 16, 1, 2, 0))[1] == Algorithm::im2col);
}

TEST_CASE("transpose: rows become columns", "[conv]") {
  for (const auto& [rows, columns] :
       {std::pair{1, 1}, {16, 16}, {16, 27}, {64, 576}, {33, 40}, {5, 100}, {300, 300}}) {
    INFO(rows << " x " << columns);
    const Tensor a = random_tensor({rows, columns}, DType::f32, 7);
    const Threads scope(3);
    Tensor b({columns, rows}, DType::f32), back = a.like();
    cpu::transpose(rows, columns, a.data<float>(), b.mutable_data<float>());
    cpu::transpose(columns, rows, b.data<float>(), back.mutable_data<float>());
    CHECK(b.data<float>()[(columns - 1) * rows] == a.data<float>()[columns - 1]);
    CHECK(same_bits(back, a));
    bool right = true;
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns; ++j)
        right &= b.data<float>()[j * rows + i] == a.data<float>()[i * columns + j];
    CHECK(right);
  }
}
