#include "autograd/gradcheck.h"
#include "tensor/cpu/cpu.h"
#include "tests/catch.h"
#include "tests/op_cases.h"

using namespace gradus;

namespace {

void check_forward(DType dtype, double tolerance, Device device = kCpu) {
  for (const OpCase& c : op_cases()) {
    INFO(c.name);
    std::vector<Var> inputs;
    for (const Array& a : values_of(c)) inputs.push_back(to_tensor(a, dtype, device));
    const Var y = c.call(inputs);
    CHECK(y.dtype() == dtype);
    CHECK_FALSE(y.tracked());
    const Array expected = c.expected(values_of(c));
    CHECK(y.shape() == expected.shape);
    CHECK(error_of(to_array(y.value()), expected) <= tolerance);
  }
}

}  // namespace

TEST_CASE("ops: names in the table are unique", "[ops]") {
  std::vector<std::string> names;
  for (const OpCase& c : op_cases()) names.push_back(c.name);
  std::sort(names.begin(), names.end());
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
}

TEST_CASE("ops: values in f64 agree with plain loops", "[ops]") {
  check_forward(DType::f64, 1e-12);
}

TEST_CASE("ops: values in f32 agree with plain loops", "[ops]") { check_forward(DType::f32, 1e-5); }

TEST_CASE("ops: gradients agree with differences in f64", "[ops]") {
  const Threads scope(1);  // on a busy machine, threads for little work mostly wait
  for (const OpCase& c : op_cases()) {
    INFO(c.name);
    std::vector<Tensor> inputs;
    int64_t elements = 0;
    for (const Array& a : values_of(c)) {
      inputs.push_back(to_tensor(a, DType::f64));
      elements += a.shape.count();
    }
    // Over many elements differences drown in the rounding of their sum; those rows are there for
    // what several threads share out.
    if (elements > 5000) continue;
    const GradcheckResult result = gradcheck(c.call, inputs, {.coordinates = 40});
    INFO(result.worst);
    CHECK(result.worst_error <= 1e-6);
    CHECK(result.ok);
    CHECK(result.kinks == 0);
  }
}

TEST_CASE("ops: gradients in f32 agree with those in f64", "[ops]") {
  for (const OpCase& c : op_cases()) {
    INFO(c.name);
    const OpResult single = run(c, DType::f32), exact = run(c, DType::f64);
    for (size_t i = 0; i < exact.gradients.size(); ++i) {
      INFO("input " << i);
      CHECK(error_of(single.gradients[i], exact.gradients[i]) <= 1e-5);
    }
  }
}

TEST_CASE("ops: the same bits twice", "[ops]") {
  for (const OpCase& c : op_cases())
    for (const DType dtype : {DType::f32, DType::f64}) {
      INFO(c.name << " in " << name(dtype));
      const OpResult first = run(c, dtype), second = run(c, dtype);
      CHECK(same_bits(first.y, second.y));
      for (size_t i = 0; i < first.gradients.size(); ++i)
        CHECK(same_bits(first.gradients[i], second.gradients[i]));
    }
}

TEST_CASE("ops: the same bits in f64 for every number of threads", "[ops]") {
  const auto with = [](int threads, const OpCase& c) {
    const Threads scope(threads);
    return run(c, DType::f64);
  };
  for (const OpCase& c : op_cases()) {
    INFO(c.name);
    const OpResult one = with(1, c), three = with(3, c);
    CHECK(same_bits(one.y, three.y));
    for (size_t i = 0; i < one.gradients.size(); ++i)
      CHECK(same_bits(one.gradients[i], three.gradients[i]));
  }
}

TEST_CASE("ops: no storage stays behind", "[ops]") {
  const auto live = [] { return backend(kCpu).allocator().stats().live_blocks; };
  for (const OpCase& c : op_cases()) {
    INFO(c.name);
    const size_t before = live();
    run(c, DType::f32);
    CHECK(live() == before);
  }
}

TEST_CASE("ops: nothing is written outside an output", "[ops]") {
  cpu::Memory& memory = cpu::cpu_backend().memory();
  memory.use_guard_bands(true);
  for (const OpCase& c : op_cases())
    for (const DType dtype : {DType::f32, DType::f64}) {
      INFO(c.name << " in " << name(dtype));
      const int64_t before = memory.damaged_bands();
      run(c, dtype);
      CHECK(memory.damaged_bands() == before);
    }
  memory.use_guard_bands(false);
}

TEST_CASE("ops: fast convolutions agree with the reference", "[ops]") {
  cpu::Cpu& fast = cpu::cpu_backend();
  cpu::Reference& reference = cpu::reference_backend();
  for (const OpCase& c : op_cases()) {
    if (!c.conv) continue;
    INFO(c.name);
    const auto& [transposed, p] = *c.conv;
    const std::vector<Array> in = values_of(c);
    // Of the convolution behind the row: x is its large image, dy the one strided over it.
    const Tensor given = to_tensor(in[0], DType::f32), w = to_tensor(in[1], DType::f32);
    const Tensor other = random_tensor(c.expected(in).shape, DType::f32, 41);
    const Tensor x = transposed ? other : given, dy = transposed ? given : other;
    const Tensor bias = in.size() > 2 ? to_tensor(in[2], DType::f32) : Tensor();
    const auto both = [&](const Tensor& shape, const auto& kernel) {
      Tensor got = shape.like(), expected = shape.like();
      kernel(fast, got);
      kernel(reference, expected);
      return error_of(to_array(got), to_array(expected));
    };
    CHECK(both(dy, [&](Backend& b, Tensor& y) {
            b.conv(p, x, w, {transposed ? Tensor() : bias}, y);
          }) <= 1e-5);
    CHECK(both(x, [&](Backend& b, Tensor& dx) {
            b.conv_grad_input(p, w, dy, {transposed ? bias : Tensor()}, dx);
          }) <= 1e-5);
    CHECK(both(w, [&](Backend& b, Tensor& dw) { b.conv_grad_weight(p, x, dy, dw); }) <= 1e-5);
  }
}

TEST_CASE("ops: norms, biases and broadcasts agree with the reference", "[ops]") {
  for (const DType t : {DType::f32, DType::f64}) {
    const double tolerance = t == DType::f32 ? 2e-5 : 1e-12;
    /// The worst difference of what kernel(backend, outputs) gives; the outputs have these shapes.
    const auto both = [&](const std::vector<Shape>& shapes, const auto& kernel) {
      std::vector<std::vector<Tensor>> outputs(2);
      double worst = 0;
      for (size_t i = 0; i < 2; ++i) {
        for (const Shape& s : shapes) outputs[i].push_back(Tensor::full(s, 7, t));
        kernel(i == 0 ? static_cast<Backend&>(cpu::cpu_backend()) : cpu::reference_backend(),
               outputs[i]);
      }
      for (size_t i = 0; i < shapes.size(); ++i)
        worst = std::max(worst, error_of(to_array(outputs[0][i]), to_array(outputs[1][i])));
      return worst;
    };
    for (const auto& [rows, channels] : {std::pair{1, 1}, std::pair{333, 3}, std::pair{160, 33}}) {
      INFO(name(t) << " " << rows << " " << channels);
      const Shape shape{rows, channels}, c{channels};
      const Tensor x = random_tensor(shape, t, 1), dy = random_tensor(shape, t, 2);
      const Normalization n{random_tensor(c, t, 3), Tensor::full(c, 0.7, t), random_tensor(c, t, 4),
                            random_tensor(c, t, 5), 1e-3};
      CHECK(both({c, c}, [&](Backend& b, auto& out) { b.moments(x, out[0], out[1]); }) <=
            tolerance);
      for (const Activation& a : {Activation{}, Activation{LeakyRelu{0.2}}}) {
        CHECK(both({shape}, [&](Backend& b, auto& out) { b.normalize(n, a, x, out[0]); }) <=
              tolerance);
        const Tensor y = random_tensor(shape, t, 6);
        CHECK(both({shape, c, c}, [&](Backend& b, auto& out) {
                b.normalize_backward(n, a, x, y, dy, out[0], out[1], out[2]);
              }) <= tolerance);
        CHECK(both({shape, c}, [&](Backend& b, auto& out) {
                b.epilogue_backward(a, y, dy, out[0], out[1]);
              }) <= tolerance);
      }
      for (const Shape& s : {shape, c, Shape{rows, 1}, Shape{}}) {
        const Tensor other = random_tensor(s, t, 7);
        CHECK(both({shape}, [&](Backend& b, auto& out) { b.binary(Mul{}, x, other, out[0]); }) ==
              0);
        CHECK(both({shape}, [&](Backend& b, auto& out) { b.binary(Sub{}, other, x, out[0]); }) ==
              0);
        CHECK(both({shape}, [&](Backend& b, auto& out) {
                b.sigmoid_cross_entropy_backward(x, other, dy, out[0]);
              }) <= tolerance);
      }
    }
  }
}

TEST_CASE("ops: functions far out stay finite", "[ops]") {
  const Tensor x = Tensor::from({-1e30F, -1000.F, 0.F, 1000.F}, {1, 4});
  const auto tape = Tape::make();
  const Var v = tape->watch(x);
  const Array p = to_array(softmax(v).value());
  CHECK(p.v == std::vector<double>{0, 0, 0, 1});
  CHECK(to_array(sigmoid(v).value()).v == std::vector<double>{0, 0, 0.5, 1});
  CHECK(to_array(gelu(v).value()).v == std::vector<double>{0, 0, 0, 1000});
  CHECK(to_array(silu(v).value()).v == std::vector<double>{0, 0, 0, 1000});
  CHECK(to_array(elu(v).value()).v == std::vector<double>{-1, -1, 0, 1000});
  CHECK(to_array(log_softmax(v).value()).v == std::vector<double>{-1e30F, -2000, -1000, 0});
  CHECK(logsumexp(v).value().item() == 1000);
  const Tensor labels = Tensor::from({0.F, 0.F, 1.F, 0.F}, {1, 4});
  for (const DType dtype : {DType::f32, DType::f64})
    CHECK(softmax_cross_entropy(x.to(dtype), labels.to(dtype)).value().item() == 1000);
  for (const Var& loss :
       {sum(softmax(v)), sum(log_softmax(v)), sum(softplus(v)), sum(sigmoid(v)), logsumexp(v),
        sum(gelu(v)), sum(silu(v)), sum(elu(v)), sum(softmax_cross_entropy(v, labels)),
        sum(sigmoid_cross_entropy(v, labels))})
    for (const double g : to_array(tape->gradients(loss, std::vector{v}, true).at(0)).v)
      CHECK(std::abs(g) <= 4);
}

TEST_CASE("ops: softmax cross-entropy of a row without labels has the gradient softmax", "[ops]") {
  const auto tape = Tape::make();
  const Var logits = tape->watch(random_tensor({3, 5}, DType::f64, 1, -2, 2));
  const Var losses = softmax_cross_entropy(logits, Tensor::zeros({3, 5}, DType::f64));
  CHECK(to_array(losses.value()).v == std::vector<double>(3, 0.0));
  const Tensor g = tape->gradients(sum(losses), std::vector{logits}).at(0);
  CHECK(error_of(to_array(g), to_array(softmax(logits.detach()).value())) < 1e-14);
}

TEST_CASE("ops: the gradient of softmax cross-entropy keeps its digits with large logits",
          "[ops]") {
  const Tensor logits = Tensor::from({1003.F, 1001.F, 1004.F, 1000.F}, {1, 4});
  const auto gradient = [&](DType dtype, double shift) {
    const auto tape = Tape::make();
    const Var x = tape->watch((logits.to(dtype) + shift).value());
    const Var loss = softmax_cross_entropy(x, Tensor::zeros({1, 4}, dtype));
    return to_array(tape->gradients(sum(loss), std::vector{x}).at(0));
  };
  CHECK(error_of(gradient(DType::f32, 0), gradient(DType::f64, -1000)) < 1e-7);
}

TEST_CASE("ops: derivatives at kinks and ties are the documented ones", "[ops]") {
  const auto derivative = [](const std::function<Var(const Var&)>& f, std::vector<double> x) {
    const auto tape = Tape::make();
    const Var v = tape->watch(Tensor::from(std::span<const double>(x), {int64_t(x.size())}));
    return to_array(tape->gradients(sum(f(v)), std::vector{v}).at(0)).v;
  };
  using Values = std::vector<double>;
  CHECK(derivative([](const Var& x) { return abs(x); }, {-1, 0, 1}) == Values{-1, 0, 1});
  CHECK(derivative([](const Var& x) { return relu(x); }, {-1, 0, 1}) == Values{0, 0, 1});
  CHECK(derivative([](const Var& x) { return leaky_relu(x, 0.2); }, {0, 1}) == Values{0.2, 1});
  CHECK(derivative([](const Var& x) { return clamp(x, -1, 2); }, {-1.5, -1, 0, 2, 3}) ==
        Values{0, 1, 1, 1, 0});
  CHECK(derivative([](const Var& x) { return elu(x, 0.3); }, {0, 1}) == Values{0.3, 1});
  CHECK(derivative([](const Var& x) { return pow(x, 0); }, {-1, 0, 2}) == Values{0, 0, 0});
  CHECK(derivative([](const Var& x) { return pow(x, 1); }, {-1, 0}) == Values{1, 1});
  CHECK(derivative([](const Var& x) { return pow(x, 2); }, {-1, 0}) == Values{-2, 0});
  const Var zero = Tensor::zeros({3}, DType::f64);
  CHECK(derivative([&](const Var& x) { return l1_loss(x, zero, Total::sum); }, {-1, 0, 1}) ==
        Values{-1, 0, 1});
  CHECK(derivative([&](const Var& x) { return huber_loss(x, zero, 0.5, Total::sum); },
                   {-0.5, 0.25, 0.5}) == Values{-0.5, 0.25, 0.5});
  const auto pooled = [](const Var& x) { return max_pool2d(reshape(x, {1, 2, 2, 1})); };
  CHECK(derivative(pooled, {1, 3, 3, 2}) == Values{0, 1, 0, 0});
  CHECK(derivative([](const Var& x) { return max(x); }, {2, 1, 2, 2, 2}) ==
        Values{0.25, 0, 0.25, 0.25, 0.25});
  CHECK(derivative([](const Var& x) { return maximum(x, 1); }, {0, 1, 2}) == Values{0, 1, 1});
  CHECK(derivative([](const Var& x) { return maximum(Tensor::full({}, 1, DType::f64), x); },
                   {0, 1, 2}) == Values{0, 0, 1});
}

TEST_CASE("ops: top_k, the lower index first where equal", "[ops]") {
  const Tensor x = Tensor::from({1.F, 3.F, 3.F, -5.F, -7.F, -5.F}, {2, 3});
  const auto [values, index] = top_k(x, 2);
  CHECK(to_array(values).v == std::vector<double>{3, 3, -5, -5});
  CHECK(index.to_vector<int32_t>() == std::vector<int32_t>{1, 2, 0, 2});
  CHECK(index.shape() == Shape{2, 2});
  CHECK(to_array(top_k(x.reshape({6}), 6).index).v == std::vector<double>{1, 2, 0, 3, 5, 4});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor y = Tensor::from({2.0, nan, 3.0, nan}, {4});
  CHECK(top_k(y, 3).index.to_vector<int32_t>() == std::vector<int32_t>{1, 3, 2});
  CHECK(std::isnan(max_pool2d(y.reshape({1, 2, 2, 1})).value().item()));
  // Many rows, for several threads, against a sort.
  const Array rows = random_array({500, 200}, -1, 1, 1);
  const TopK top = top_k(to_tensor(rows, DType::f64), 3);
  const std::vector<int32_t> at = top.index.to_vector<int32_t>();
  for (int64_t i = 0; i < 500; ++i) {
    std::vector<double> row(rows.v.begin() + i * 200, rows.v.begin() + (i + 1) * 200);
    for (int64_t k = 0; k < 3; ++k) CHECK(rows(i, at[i * 3 + k]) == to_array(top.values)(i, k));
    std::sort(row.rbegin(), row.rend());
    CHECK(rows(i, at[i * 3 + 2]) == row[2]);
    CHECK(rows(i, at[i * 3]) == row[0]);
  }
}

TEST_CASE("ops: argmax, equal and one_hot", "[ops]") {
  const Tensor x = Tensor::from({1.F, 3.F, 3.F, 5.F, 0.F, 5.F}, {2, 3});
  CHECK(argmax(x).to_vector<int32_t>() == std::vector<int32_t>{1, 0});
  CHECK(argmax(x).shape() == Shape{2});
  const auto tape = Tape::make();
  const Var same = equal(tape->watch(x), Tensor::full({}, 3, DType::f32));
  CHECK(to_array(same.value()).v == std::vector<double>{0, 1, 1, 0, 0, 0});
  CHECK_FALSE(same.tracked());
  const Tensor index = Tensor::from({2, 0}, {2}), outside = Tensor::from({3, 1, -1}, {3});
  CHECK(to_array(one_hot(index, 3, DType::f64)).v == std::vector<double>{0, 0, 1, 1, 0, 0});
  CHECK(to_array(one_hot(outside, 3, DType::f32, OutOfRange::zero_row)).v ==
        std::vector<double>{0, 0, 0, 0, 1, 0, 0, 0, 0});
}

TEST_CASE("ops: batch_norm returns the batch's mean and biased variance", "[ops]") {
  const Tensor x = Tensor::from({1.0, 10.0, 3.0, 10.0, 8.0, 10.0}, {3, 2});
  const Var one = Tensor::full({2}, 1, DType::f64);
  const auto [y, mean, variance] = batch_norm(x, one, one, 1e-3);
  CHECK(error_of(to_array(mean.value()), to_array(Tensor::from({4.0, 10.0}, {2}))) < 1e-15);
  CHECK(error_of(to_array(variance.value()), to_array(Tensor::from({26.0 / 3, 0.0}, {2}))) < 1e-15);
}

TEST_CASE("ops: empty tensors pass through", "[ops]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const auto tape = Tape::make();
    const auto leaf = [&](const Shape& s) { return tape->watch(Tensor::full(s, 2, dtype)); };
    const Var none = leaf({0, 3}), row = leaf({3}), matrix = leaf({3, 2}),
              images = leaf({0, 4, 4, 3});
    const Var filters = leaf({5, 3, 3, 3}), bias = leaf({5}), transposed = leaf({3, 3, 3, 5});
    const Tensor no_index({0}, DType::i32);
    const Var results[] = {exp(none),
                           none + row,
                           none / row,
                           matmul(none, matrix),
                           conv2d(images, filters, bias),
                           conv_transpose2d(images, transposed, bias),
                           gather(matrix, no_index),
                           slice(row, 0, 1, 1),
                           concat({none, none}, 0),
                           softmax(none),
                           reshape(none, {3, 0, 7}),
                           softmax_cross_entropy(none, Tensor({0, 3}, dtype)),
                           max_pool2d(images),
                           avg_pool2d(images),
                           pad(none, {{0, 0}, {0, 0}}),
                           upsample_nearest2d(images, 2),
                           upsample_bilinear2d(images, 2),
                           layer_norm(none, row, row, 1e-5),
                           l1_loss(none, none, Total::sum) * Tensor::zeros({0}, dtype),
                           dropout(none, 0.5, {}),
                           augment(images, augmentation("strong"), {})};
    for (const Var& y : results) {
      INFO(to_string(y.shape()));
      CHECK(y.shape().count() == 0);
      CHECK(sum(y).value().item() == 0);
      for (const Tensor& g :
           tape->gradients(sum(y), std::vector{none, row, matrix, images, filters, bias}))
        CHECK(to_array(g).v == std::vector<double>(g.count(), 0.0));
    }
    CHECK(to_array(sum(none, {0}).value()).v == std::vector<double>(3, 0.0));
    const Var no_terms = matmul(leaf({2, 0}), leaf({0, 3}));
    CHECK(to_array(no_terms.value()).v == std::vector<double>(6, 0.0));
    CHECK(to_array(concat({none, leaf({1, 3})}, 0).value()).v == std::vector<double>(3, 2.0));
  }
}
