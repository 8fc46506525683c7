#include "autograd/ops.h"
#include "tensor/backend.h"
#include "tests/catch.h"
#include "tests/values.h"

using namespace gradus;

namespace {

const Augmentation kEverything = augmentation("strong,shift,flip");

Draw draw_of(uint64_t seed, uint32_t index = 0, int32_t step = 0) {
  return {seed, Stream::train, index, Tensor::from({step}, {})};
}

}  // namespace

TEST_CASE("augment: an image's change follows from seed, draw, step and place", "[random]") {
  const Tensor image = random_tensor({1, 8, 9, 3}, DType::f32, 1);
  const Tensor x = concat({image, image}, 0).value();
  const auto changed = [&](const Draw& d) { return to_array(augment(x, kEverything, d).value()); };
  const Array first = changed(draw_of(1));
  CHECK(same_bits(first, changed(draw_of(1))));
  for (const Draw& other : {draw_of(2), draw_of(1, 1), draw_of(1, 0, 1)})
    CHECK_FALSE(same_bits(first, changed(other)));
  const auto half = static_cast<int64_t>(first.v.size() / 2);
  CHECK_FALSE(std::equal(first.v.begin(), first.v.begin() + half, first.v.begin() + half));
}

TEST_CASE("augment: the same bits in f32 for every number of threads", "[random]") {
  const Tensor x = random_tensor({300, 16, 16, 3}, DType::f32, 2);
  const auto with = [&](int threads) {
    const Threads scope(threads);
    const auto tape = Tape::make();
    const Var v = tape->watch(x);
    const Var y = augment(v, kEverything, draw_of(3));
    return std::pair(y.value(), tape->gradients(sum(y * y), std::vector{v}).at(0));
  };
  const auto one = with(1), three = with(3);
  CHECK(same_bits(one.first, three.first));
  CHECK(same_bits(one.second, three.second));
}

TEST_CASE("augment: without clamping and biases the gradient is the adjoint", "[random]") {
  Augmentation linear = augmentation("affine,invert,cutout,shift,flip");
  linear.grey = 0.5;
  linear.gain = linear.channel_gain = 0.5;
  const Tensor x = random_tensor({6, 11, 7, 3}, DType::f64, 3);
  const Tensor w = random_tensor({6, 11, 7, 3}, DType::f64, 4);
  const auto tape = Tape::make();
  const Var v = tape->watch(x);
  const Var y = augment(v, linear, draw_of(5));
  const Tensor back = tape->gradients(sum(y * Var(w)), std::vector{v}).at(0);
  const double forth = sum(y.detach() * Var(w)).value().item();
  CHECK(std::abs(forth - sum(Var(back) * Var(x)).value().item()) <= 1e-12 * 6 * 11 * 7 * 3);
}

TEST_CASE("augment: parts have the sizes that they are given", "[random]") {
  const Tensor x = Tensor::full({2000, 6, 6, 1}, 0.5, DType::f64);
  const auto values = [&](const Augmentation& a) {
    return to_array(augment(x, a, draw_of(7)).value()).v;
  };
  const auto share = [](const std::vector<double>& v, const auto& is) {
    return static_cast<double>(std::count_if(v.begin(), v.end(), is)) /
           static_cast<double>(v.size());
  };
  CHECK(std::abs(share(values({.invert = 0.3}), [](double v) { return v == -0.5; }) - 0.3) < 0.03);
  for (const double v : values({.bias = 0.2})) CHECK(std::abs(v - 0.5) <= 0.2);
  for (const double v : values({.gain = 0.7})) CHECK(std::abs(std::log(v / 0.5)) <= 0.7);
  for (const double v : values({.gain = 5, .clamp = true})) CHECK(v <= 1);
  CHECK(share(values({.gain = 5, .clamp = true}), [](double v) { return v == 1; }) > 0.3);
  double squares = 0;
  for (const double v : values({.noise = 1})) squares += (v - 0.5) * (v - 0.5) / (2000 * 36);
  CHECK(std::abs(squares - 1.0 / 3) < 0.03);  // of n^2 times a variance of 1
  const double cut = share(values({.cutout = 1}), [](double v) { return v == 0; });
  CHECK(std::abs(cut - 1.0 / 36) < 1e-12);  // one pixel of each image
  for (const Augmentation& places : {augmentation("affine"), augmentation("shift,flip")})
    for (const double v : values(places)) CHECK(std::abs(v - 0.5) < 1e-12);
}

TEST_CASE("augment: a recording draws anew in each step", "[random]") {
  const Tensor x = random_tensor({4, 8, 8, 3}, DType::f32, 6);
  const Tensor step = Tensor::zeros({}, DType::i32);
  const Draw draw{9, Stream::train, 2, step};
  Tensor made = x.like();
  const auto recording =
      backend(x).record([&] { made.copy_from(augment(x, kEverything, draw).value()); });
  for (int32_t i = 0; i < 5; ++i) {
    recording->run();
    CHECK(same_bits(made, augment(x, kEverything, draw_of(9, 2, i)).value()));
    Tensor next = step;
    backend(step).increment(next);
  }
}

TEST_CASE("augment: nothing asked for is nothing done, and names add up", "[random]") {
  const Tensor x = random_tensor({2, 4, 4, 3}, DType::f32, 8);
  const Var same = augment(x, augmentation("none"), draw_of(1));
  CHECK(same.value().raw() == x.raw());
  CHECK(augmentation("affine,colour,invert,noise,cutout") == augmentation("strong"));
  CHECK(augmentation("shift").crop == 2);
  for (const char* wrong : {"", "shift,", ",shift", "strong,blur", "Shift", "none "})
    CHECK_THROWS_AS(augmentation(wrong), Error);
}
