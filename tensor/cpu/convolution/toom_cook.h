#pragma once

#include <array>
#include <cstddef>

namespace gradus::cpu::convolution {

template <int kRows, int kColumns>
using Matrix = std::array<std::array<double, kColumns>, kRows>;

/// Winograd's minimal filtering F(m, 3) by Toom and Cook's interpolation at the points 0, +-p, ...
/// and infinity (Lavin & Gray 2016): m outputs of a filter of 3 taps from n = m + 2 products
/// instead of 3 m, y = A^T [(G g) * (B^T d)]; in two dimensions along columns, then along rows.
///
/// A row a point: 0, then the pairs, then infinity. Rows of a pair agree in even columns and differ
/// by their sign in odd ones.
template <int kPairs>
struct ToomCook {
  static constexpr int kPoints = 2 * kPairs + 2, kOutputs = 2 * kPairs;

  /// p of each pair. 3/4 and 3/2 lose least to rounding among simple fractions: a quarter of the
  /// error of the usual 1 and 2 (Barabasz et al. 2018 look for such points).
  static constexpr std::array<double, kPairs> kPair = [] {
    if constexpr (kPairs == 1)
      return std::array{1.0};
    else
      return std::array{0.75, 1.5};
  }();

  static constexpr Matrix<kPoints, kOutputs> kA = [] {
    Matrix<kPoints, kOutputs> a{};
    a[0][0] = a[kPoints - 1][kOutputs - 1] = 1;
    for (int j = 0; j < kPairs; ++j) {
      double power = 1, sign = 1;
      for (int i = 0; i < kOutputs; ++i, power *= kPair[j], sign = -sign) {
        a[2 * j + 1][i] = power;
        a[2 * j + 2][i] = sign * power;
      }
    }
    return a;
  }();

  static constexpr Matrix<kPoints, 3> kG = [] {
    Matrix<kPoints, 3> g{};
    double all = 1;  // the product of all -p^2
    for (const double p : kPair) all *= -p * p;
    g[0][0] = 1 / all;
    g[kPoints - 1][2] = 1;
    for (int j = 0; j < kPairs; ++j) {
      const double p = kPair[j];
      double scale = 2 * p * p;
      for (int l = 0; l < kPairs; ++l)
        if (l != j) scale *= p * p - kPair[l] * kPair[l];
      g[2 * j + 1] = {1 / scale, p / scale, p * p / scale};
      g[2 * j + 2] = {1 / scale, -p / scale, p * p / scale};
    }
    return g;
  }();

  static constexpr Matrix<kPoints, kPoints> kBt = [] {
    Matrix<kPoints, kPoints> b{};
    // Coefficients of the product of x^2 - p^2 over all pairs but `without`.
    const auto product = [](int without) {
      std::array<double, kPairs + 1> c{1};
      for (int l = 0, degree = 0; l < kPairs; ++l) {
        if (l == without) continue;
        ++degree;
        for (int i = degree; i >= 0; --i)
          c[i] = (i > 0 ? c[i - 1] : 0) - kPair[l] * kPair[l] * (i < degree ? c[i] : 0);
      }
      return c;
    };
    const auto whole = product(-1);
    for (int i = 0; i <= kPairs; ++i) b[0][2 * i] = b[kPoints - 1][2 * i + 1] = whole[i];
    for (int j = 0; j < kPairs; ++j) {
      const auto rest = product(j);  // times x (x + p) and x (x - p)
      for (int i = 0; i < kPairs; ++i) {
        b[2 * j + 1][2 * i + 2] = b[2 * j + 2][2 * i + 2] = rest[i];
        b[2 * j + 1][2 * i + 1] = kPair[j] * rest[i];
        b[2 * j + 2][2 * i + 1] = -kPair[j] * rest[i];
      }
    }
    return b;
  }();
};

/// sum of m[i] x[i] over i = first, first + step, ...; T is a number or a vector of Scalar.
template <class Scalar, std::size_t kSize, class T>
[[gnu::always_inline]] inline T weighted_sum(const std::array<double, kSize>& m,
                                             const T (&x)[kSize], std::size_t first,
                                             std::size_t step) {
  T sum{};
#pragma GCC unroll 8
  for (std::size_t i = first; i < kSize; i += step)
    if (m[i] != 0) sum += Scalar(m[i]) * x[i];
  return sum;
}

/// y = m x, for a matrix whose rows make pairs as ToomCook's.
template <class Scalar, class T, std::size_t kRows, std::size_t kColumns>
[[gnu::always_inline]] inline void multiply(
    const std::array<std::array<double, kColumns>, kRows>& m, const T (&x)[kColumns],
    T (&y)[kRows]) {
  y[0] = weighted_sum<Scalar>(m[0], x, 0, 1);
  y[kRows - 1] = weighted_sum<Scalar>(m[kRows - 1], x, 0, 1);
#pragma GCC unroll 8
  for (std::size_t i = 1; i + 1 < kRows; i += 2) {
    const T even = weighted_sum<Scalar>(m[i], x, 0, 2), odd = weighted_sum<Scalar>(m[i], x, 1, 2);
    y[i] = even + odd;
    y[i + 1] = even - odd;
  }
}

/// x = m^T y.
template <class Scalar, class T, std::size_t kRows, std::size_t kColumns>
[[gnu::always_inline]] inline void multiply_transposed(
    const std::array<std::array<double, kColumns>, kRows>& m, const T (&y)[kRows],
    T (&x)[kColumns]) {
  T even[kRows], odd[kRows];
#pragma GCC unroll 8
  for (std::size_t j = 1; j + 1 < kRows; j += 2) {
    even[j] = y[j] + y[j + 1];
    odd[j] = y[j] - y[j + 1];
  }
#pragma GCC unroll 8
  for (std::size_t i = 0; i < kColumns; ++i) {
    T sum{};
    if (m[0][i] != 0) sum += Scalar(m[0][i]) * y[0];
    if (m[kRows - 1][i] != 0) sum += Scalar(m[kRows - 1][i]) * y[kRows - 1];
#pragma GCC unroll 8
    for (std::size_t j = 1; j + 1 < kRows; j += 2)
      if (m[j][i] != 0) sum += Scalar(m[j][i]) * (i % 2 == 0 ? even[j] : odd[j]);
    x[i] = sum;
  }
}

}  // namespace gradus::cpu::convolution
