#pragma once

// The tutorial's networks with fewer layers and channels, in f64, and images to train them on.

#include <gradus/gradus.h>

#include <cmath>
#include <vector>

inline gradus::Var leaky(const gradus::Var& x) { return gradus::leaky_relu(x, 0.2); }

/// z [N, 100] -> images [N, 32, 32, 3] in (-1, 1).
inline gradus::Sequential small_generator() {
  using namespace gradus;
  return {Linear{100, 4 * 4 * 16},
          [](const Var& x) {
            return reshape(x, {-1, 4, 4, 16});
          },
          BatchNorm{{16}},
          leaky,
          ConvTranspose2d{{.in = 16, .out = 8, .kernel = 5, .stride = 2}},
          BatchNorm{{8}},
          leaky,
          ConvTranspose2d{{.in = 8, .out = 3, .kernel = 5, .stride = 4}},
          [](const Var& x) { return tanh(x); }};
}

/// Images [N, 32, 32, 3] -> features [N, 16].
inline gradus::Sequential small_features() {
  using namespace gradus;
  return {Conv2d{{.in = 3, .out = 8, .stride = 4}},
          leaky,
          Conv2d{{.in = 8, .out = 16, .stride = 2}},
          BatchNorm{{16}},
          leaky,
          Conv2d{{.in = 16, .out = 16, .padding = Padding::valid()}},
          leaky,
          [](const Var& x) {
            return mean(x, {1, 2});
          }};
}

/// `count` striped images [count, 32, 32, 3], whose angle is the class: image n is of class n % 10.
inline gradus::Tensor stripes(int64_t count, gradus::Random& random) {
  using namespace gradus;
  std::vector<double> x;
  for (int64_t i = 0; i < count * 32 * 32 * 3; ++i) {
    const double angle = double(i / 3072 % 10) * 0.31416;
    const double row = double(i / 96 % 32), column = double(i / 3 % 32);
    x.push_back(0.7 * std::sin(std::cos(angle) * row + std::sin(angle) * column));
  }
  const Tensor noise = normal({count, 32, 32, 3}, random.next(), 0, 0.1, DType::f64);
  return (Tensor::from<double>(x, noise.shape()) + Var(noise)).value();
}
