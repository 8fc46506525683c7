#include "tests/op_cases.h"

#include "tensor/philox.h"

namespace gradus {
namespace {

void add_matmul_cases(std::vector<OpCase>& cases) {
  const int64_t sizes[][3] = {{2, 3, 4}, {1, 5, 1}, {4, 1, 3}, {17, 9, 33}, {64, 70, 20}};
  for (const auto& [m, k, n] : sizes)
    for (const Transpose t :
         {Transpose{}, Transpose{true}, Transpose{.b = true}, Transpose{true, true}}) {
      const Shape a = t.a ? Shape{k, m} : Shape{m, k}, b = t.b ? Shape{n, k} : Shape{k, n};
      cases.push_back({fmt::format("matmul {}{} {}{}", a, t.a ? "^T" : "", b, t.b ? "^T" : ""),
                       {{a}, {b}},
                       [t](const auto& in) { return matmul(in[0], in[1], t); },
                       [t, m = m, k = k, n = n](const auto& in) {
                         Array c({m, n});
                         for (int64_t i = 0; i < m; ++i)
                           for (int64_t j = 0; j < n; ++j)
                             for (int64_t l = 0; l < k; ++l)
                               c(i, j) += (t.a ? in[0](l, i) : in[0](i, l)) *
                                          (t.b ? in[1](j, l) : in[1](l, j));
                         return c;
                       }});
    }
}

/// Products over leading axes that broadcast.
void add_batched_matmul_cases(std::vector<OpCase>& cases) {
  const std::pair<Shape, Shape> leads[] = {{{3}, {3}},
                                           {{3}, {}},
                                           {{}, {3}},
                                           {{1}, {4}},
                                           {{2, 1}, {3}},
                                           {{2, 3}, {2, 3}},
                                           {{2, 1, 3, 1}, {1, 2, 1, 2}}};
  const auto with_matrix = [](const Shape& lead, int64_t rows, int64_t columns) {
    std::vector<int64_t> extents(lead.extents().begin(), lead.extents().end());
    extents.insert(extents.end(), {rows, columns});
    return Shape(extents);
  };
  constexpr int64_t kM = 4, kK = 5, kN = 3;
  for (const auto& [lead_a, lead_b] : leads)
    for (const Transpose t :
         {Transpose{}, Transpose{true}, Transpose{.b = true}, Transpose{true, true}}) {
      const Shape a = t.a ? with_matrix(lead_a, kK, kM) : with_matrix(lead_a, kM, kK),
                  b = t.b ? with_matrix(lead_b, kN, kK) : with_matrix(lead_b, kK, kN);
      const Shape c = with_matrix(broadcast_shape("test", lead_a, lead_b), kM, kN);
      cases.push_back({fmt::format("matmul {}{} {}{}", a, t.a ? "^T" : "", b, t.b ? "^T" : ""),
                       {{a}, {b}},
                       [t](const auto& in) { return matmul(in[0], in[1], t); },
                       [t, c](const auto& in) {
                         Array y(c);
                         size_t i = 0;
                         for_each_index(c, [&](const Index& at) {
                           Index in_a = at, in_b = at;
                           const size_t row = at.size() - 2, column = at.size() - 1;
                           for (int64_t l = 0; l < kK; ++l) {
                             in_a[row] = t.a ? l : at[row];
                             in_a[column] = t.a ? at[row] : l;
                             in_b[row] = t.b ? at[column] : l;
                             in_b[column] = t.b ? l : at[column];
                             y.v[i] += broadcast_at(in[0], in_a) * broadcast_at(in[1], in_b);
                           }
                           ++i;
                         });
                         return y;
                       }});
    }
}

/// y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, in rows of channels.
Array normalise(const Array& x, const Array& mean, const Array& variance, const Array& gamma,
                const Array& beta, double epsilon) {
  Array y(x.shape);
  const int64_t channels = gamma.shape[0];
  for (int64_t i = 0; i < x.shape.count(); ++i) {
    const int64_t c = i % channels;
    y.v[i] = gamma.v[c] * (x.v[i] - mean.v[c]) / std::sqrt(variance.v[c] + epsilon) + beta.v[c];
  }
  return y;
}

Array batch_norm_loops(const Array& x, const Array& gamma, const Array& beta, double epsilon) {
  const int64_t channels = gamma.shape[0], rows = x.shape.count() / channels;
  Array mean(gamma.shape), variance(gamma.shape);
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t row = 0; row < rows; ++row) mean.v[c] += x.v[row * channels + c] / rows;
    for (int64_t row = 0; row < rows; ++row)
      variance.v[c] += std::pow(x.v[row * channels + c] - mean.v[c], 2) / rows;
  }
  return normalise(x, mean, variance, gamma, beta, epsilon);
}

void add_batch_norm_cases(std::vector<OpCase>& cases) {
  std::vector<OpCase> activated;
  for (const Shape& x : {Shape{6, 3}, Shape{4, 1}, Shape{2, 3, 4, 5}, Shape{7, 2, 9},
                         Shape{9000, 3}, Shape{3, 2, 2, 2, 2, 2}, Shape{2, 5, 8}, Shape{700, 32}})
    for (const double epsilon : {1e-3, 1e-5}) {
      const Shape channels{x[-1]};
      cases.push_back(
          {fmt::format("batch_norm {} epsilon {}", x, epsilon),
           {{x, -1, 3}, {channels, 0.5, 2}, {channels}},
           [epsilon](const auto& in) { return batch_norm(in[0], in[1], in[2], epsilon).y; },
           [epsilon](const auto& in) { return batch_norm_loops(in[0], in[1], in[2], epsilon); }});
      for (size_t i = 0; i < 5; ++i) activated.push_back(with_activation(cases.back(), i));
    }
  cases.insert(cases.end(), activated.begin(), activated.end());
  for (const Shape& x : {Shape{4, 3}, Shape{2, 3, 2, 5}}) {
    const Array mean = random_array({x[-1]}, -1, 1, 11), variance = random_array({x[-1]}, 0, 3, 12);
    cases.push_back({fmt::format("batch_norm_with {}", x),
                     {{x}, {{x[-1]}}, {{x[-1]}}},
                     [mean, variance](const auto& in) {
                       return batch_norm_with(constant_like(in[0], mean),
                                              constant_like(in[0], variance), in[0], in[1], in[2],
                                              1e-3);
                     },
                     [mean, variance](const auto& in) {
                       return normalise(in[0], mean, variance, in[1], in[2], 1e-3);
                     }});
  }
}

Array layer_norm_loops(const Array& x, const Array& gamma, const Array& beta, double epsilon) {
  const int64_t width = gamma.shape.count(), rows = x.shape.count() / width;
  Array y(x.shape);
  for (int64_t row = 0; row < rows; ++row) {
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < width; ++i) mean += x.v[row * width + i] / width;
    for (int64_t i = 0; i < width; ++i)
      variance += std::pow(x.v[row * width + i] - mean, 2) / width;
    for (int64_t i = 0; i < width; ++i)
      y.v[row * width + i] =
          gamma.v[i] * (x.v[row * width + i] - mean) / std::sqrt(variance + epsilon) + beta.v[i];
  }
  return y;
}

void add_layer_norm_cases(std::vector<OpCase>& cases) {
  const std::pair<Shape, Shape> shapes[] = {
      {{4, 7}, {7}}, {{2, 3, 5}, {3, 5}}, {{2, 3, 4, 5}, {5}}, {{6}, {6}}, {{40, 300}, {300}}};
  for (const auto& [x, last] : shapes)
    for (const double epsilon : {1e-3, 1e-5})
      cases.push_back(
          {fmt::format("layer_norm {} over {} epsilon {}", x, last, epsilon),
           {{x, -1, 3}, {last, 0.5, 2}, {last}},
           [epsilon](const auto& in) { return layer_norm(in[0], in[1], in[2], epsilon); },
           [epsilon](const auto& in) { return layer_norm_loops(in[0], in[1], in[2], epsilon); }});
}

void add_dropout_cases(std::vector<OpCase>& cases) {
  constexpr uint64_t kSeed = 0x123456789abcdef;
  for (const double rate : {0.0, 0.25, 0.5, 0.9})
    for (const int32_t step : {0, 7})
      for (const Shape& x : {Shape{3, 5}, Shape{40, 1000}})
        cases.push_back({fmt::format("dropout {} of {} in step {}", rate, x, step),
                         {{x}},
                         [rate, step](const auto& in) {
                           const Tensor t = Tensor::from({step}, {}, in[0].device());
                           return dropout(in[0], rate, {kSeed, Stream::train, 3, t});
                         },
                         [rate, step](const auto& in) {
                           Array y(in[0].shape);
                           for (size_t i = 0; i < y.v.size(); ++i) {
                             const PhiloxBlock block = philox4x32(
                                 {{static_cast<uint32_t>(i / 4), 3, static_cast<uint32_t>(step),
                                   static_cast<uint32_t>(Stream::train)}},
                                 static_cast<uint32_t>(kSeed), static_cast<uint32_t>(kSeed >> 32));
                             if ((block.v[i % 4] >> 8) * 0x1p-24 >= rate)
                               y.v[i] = in[0].v[i] / (1 - rate);
                           }
                           return y;
                         }});
}

struct ActivationCase {
  const char* name;
  Var (*call)(const Var&);
  double (*loop)(double);
};

const ActivationCase kActivations[] = {
    {"leaky_relu", [](const Var& x) { return leaky_relu(x, 0.2); },
     [](double x) { return x > 0 ? x : 0.2 * x; }},
    {"tanh", [](const Var& x) { return tanh(x); }, [](double x) { return std::tanh(x); }},
    {"relu", [](const Var& x) { return relu(x); }, [](double x) { return x > 0 ? x : 0; }},
    {"sigmoid", [](const Var& x) { return sigmoid(x); },
     [](double x) { return 1 / (1 + std::exp(-x)); }},
    {"elu", [](const Var& x) { return elu(x, 0.5); },
     [](double x) { return x > 0 ? x : 0.5 * (std::exp(x) - 1); }},
};

}  // namespace

OpCase with_activation(OpCase c, size_t i) {
  const ActivationCase& a = kActivations[i % std::size(kActivations)];
  return {fmt::format("{} of {}", a.name, c.name), c.inputs,
          [&a, call = c.call](const auto& in) { return a.call(call(in)); },
          [&a, expected = c.expected](const auto& in) {
            Array y = expected(in);
            for (double& v : y.v) v = a.loop(v);
            return y;
          }};
}

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> cases = [] {
    std::vector<OpCase> all;
    add_elementwise_cases(all);
    add_reduce_cases(all);
    add_shaping_cases(all);
    add_permute_cases(all);
    add_matmul_cases(all);
    add_batched_matmul_cases(all);
    add_batch_norm_cases(all);
    add_layer_norm_cases(all);
    add_dropout_cases(all);
    add_loss_cases(all);
    add_conv_cases(all);
    add_pool_cases(all);
    add_augment_cases(all);
    return all;
  }();
  return cases;
}

std::vector<Array> values_of(const OpCase& c) {
  std::vector<Array> values;
  unsigned seed = 1;
  for (const auto& [shape, low, high] : c.inputs)
    values.push_back(random_array(shape, low, high, seed++));
  return values;
}

OpResult run(const OpCase& c, DType dtype, Device device) {
  const auto tape = Tape::make();
  std::vector<Var> inputs;
  for (const Array& a : values_of(c)) inputs.push_back(tape->watch(to_tensor(a, dtype, device)));
  const Var y = c.call(inputs);
  const Tensor weights = constant_like(y, random_array(y.shape(), 0.5, 1.5, 31));
  OpResult out{to_array(y.value()), {}};
  for (const Tensor& g : tape->gradients(sum(y * weights), inputs))
    out.gradients.push_back(to_array(g));
  return out;
}

}  // namespace gradus
