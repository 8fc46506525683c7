#pragma once

#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "tensor/cpu/vector.h"

namespace gradus::cpu::convolution {

template <std::size_t kRows, std::size_t kColumns>
using Matrix = std::array<std::array<double, kColumns>, kRows>;

/// Winograd's minimal filtering F(m, r) by Toom and Cook's interpolation (Lavin & Gray 2016): m
/// outputs of a filter of r taps from n = m + r - 1 products instead of m r,
/// y = A^T [(G g) * (B^T d)]; in two dimensions along columns, then along rows.
template <int kOutputs, int kTaps>
struct ToomCook {
  static constexpr int kPoints = kOutputs + kTaps - 1;
  Matrix<kPoints, kOutputs> a{};
  Matrix<kPoints, kTaps> g{};
  Matrix<kPoints, kPoints> bt{};

  /// A row for each of `points`, then one for infinity.
  constexpr explicit ToomCook(const std::array<double, kPoints - 1>& points) {
    constexpr int kLast = kPoints - 1;
    for (int i = 0; i < kLast; ++i) {
      double scale = 1, power = 1;
      for (int l = 0; l < kLast; ++l)
        if (l != i) scale *= points[i] - points[l];
      for (int j = 0; j < kOutputs || j < kTaps; ++j, power *= points[i]) {
        if (j < kOutputs) a[i][j] = power;
        if (j < kTaps) g[i][j] = power / scale;
      }
      bt[i] = product(points, i);
    }
    a[kLast][kOutputs - 1] = g[kLast][kTaps - 1] = 1;
    bt[kLast] = product(points, kLast);
  }

 private:
  /// Coefficients of the product of x - p over all points but number `without`.
  static constexpr std::array<double, kPoints> product(
      const std::array<double, kPoints - 1>& points, int without) {
    std::array<double, kPoints> c{1};
    for (int l = 0, degree = 0; l < kPoints - 1; ++l) {
      if (l == without) continue;
      ++degree;
      for (int i = degree; i >= 0; --i)
        c[i] = (i > 0 ? c[i - 1] : 0) - points[l] * (i < degree ? c[i] : 0);
    }
    return c;
  }
};

/// Outputs a stride of 1 apart, kOutputs = 2 or 4 of them. 3/4 and 3/2 lose least to rounding among
/// simple fractions: a quarter of the error of the usual 1 and 2 (Barabasz et al. 2018 look for
/// such points).
template <int kOutputs_>
struct Dense {
  static constexpr int kOutputs = kOutputs_, kStride = 1, kPoints = kOutputs + 2;
  static constexpr int kFilters = kPoints;
  static constexpr ToomCook<kOutputs, 3> kFilter = [] {
    if constexpr (kOutputs == 2)
      return ToomCook<2, 3>({0, 1, -1});
    else
      return ToomCook<4, 3>({0, .75, -.75, 1.5, -1.5});
  }();
  static constexpr auto kA = kFilter.a;
  static constexpr auto kG = kFilter.g;
  static constexpr auto kBt = kFilter.bt;
};

/// Four outputs a stride of 2 apart: taps 0 and 2 read even pixels, an F(4, 2), and tap 1 the odd
/// ones, which takes a product an output. 1/2 and 5/4 have half the error of Dense<4>.
///
/// The points of tap 1 have one filter: kG has a row for each of the first kFilters points, and the
/// last one is that of all that follow.
struct Strided {
  static constexpr int kOutputs = 4, kStride = 2, kPoints = 9, kFilters = 6;
  static constexpr ToomCook<4, 2> kEven{{.5, -.5, 1.25, -1.25}};
  static constexpr int kEvenPoints = decltype(kEven)::kPoints;

  static constexpr Matrix<kPoints, kOutputs> kA = [] {
    Matrix<kPoints, kOutputs> a{};
    for (int i = 0; i < kEvenPoints; ++i) a[i] = kEven.a[i];
    for (int j = 0; j < kOutputs; ++j) a[kEvenPoints + j][j] = 1;
    return a;
  }();
  static constexpr Matrix<kFilters, 3> kG = [] {
    Matrix<kFilters, 3> g{};
    for (int i = 0; i < kEvenPoints; ++i) g[i] = {kEven.g[i][0], 0, kEven.g[i][1]};
    g[kEvenPoints][1] = 1;
    return g;
  }();
  static constexpr Matrix<kPoints, kPoints> kBt = [] {
    Matrix<kPoints, kPoints> b{};
    for (int i = 0; i < kEvenPoints; ++i)
      for (int j = 0; j < kEvenPoints; ++j) b[i][2 * j] = kEven.bt[i][j];
    for (int j = 0; j < kOutputs; ++j) b[kEvenPoints + j][2 * j + 1] = 1;
    return b;
  }();
};

/// The row of kG that makes the filters of a point, and how many points have that filter.
template <class F>
constexpr int filter_of(int point) {
  return point < F::kFilters ? point : F::kFilters - 1;
}
template <class F>
constexpr int points_of(int filter) {
  return filter < F::kFilters - 1 ? 1 : F::kPoints - filter;
}

template <class Fn, int... i>
[[gnu::always_inline]] inline void unrolled(const Fn& fn, std::integer_sequence<int, i...>) {
  (fn.template operator()<i>(), ...);
}
/// Calls fn.template operator()<i>() for i = 0, ... kCount - 1.
template <int kCount, class Fn>
[[gnu::always_inline]] inline void unrolled(const Fn& fn) {
  unrolled(fn, std::make_integer_sequence<int, kCount>{});
}

/// Whether rows i and i + 1 differ in the signs of some columns alone, as those of the points p and
/// -p do. No row is of two pairs.
template <std::size_t kRows, std::size_t kColumns>
constexpr bool is_pair(const Matrix<kRows, kColumns>& m, int i) {
  if (i < 0 || i + 1 >= int{kRows} || is_pair(m, i - 1)) return false;
  bool differ = false;
  for (std::size_t c = 0; c < kColumns; ++c) {
    const double x = m[i][c], y = m[i + 1][c];
    if (x != y && x != -y) return false;
    differ = differ || x != y;
  }
  return differ;
}

/// A sum of terms, for vectors of floats without a first addition to 0; T is such a vector or
/// double.
template <class T>
struct Sum {
  T value{};
  bool empty = true;
  [[gnu::always_inline]] void add(double factor, const T& x) {
    if (factor == 0) return;
    if constexpr (std::is_arithmetic_v<T>)
      value += factor * x;
    else if (empty)
      value = static_cast<float>(factor) * x;
    else if (factor == 1 || factor == -1)
      value = factor > 0 ? value + x : value - x;
    else
      value = multiply_add(broadcast(static_cast<float>(factor)), x, value);
    empty = false;
  }
};

/// y = m x for vectors x and y of T's.
template <const auto& m, class T, std::size_t kColumns, std::size_t kRows>
[[gnu::always_inline]] inline void multiply(const T (&x)[kColumns], T (&y)[kRows]) {
  unrolled<kRows>([&]<int i>() {
    if constexpr (is_pair(m, i)) {
      Sum<T> same, opposite;
      unrolled<kColumns>(
          [&]<int c>() { (m[i][c] == m[i + 1][c] ? same : opposite).add(m[i][c], x[c]); });
      y[i] = same.value + opposite.value;
      y[i + 1] = same.value - opposite.value;
    } else if constexpr (!is_pair(m, i - 1)) {
      Sum<T> sum;
      unrolled<kColumns>([&]<int c>() { sum.add(m[i][c], x[c]); });
      y[i] = sum.value;
    }
  });
}

/// x = m^T y.
template <const auto& m, class T, std::size_t kColumns, std::size_t kRows>
[[gnu::always_inline]] inline void multiply_transposed(const T (&y)[kRows], T (&x)[kColumns]) {
  T same[kRows], opposite[kRows];
  unrolled<kRows>([&]<int i>() {
    if constexpr (is_pair(m, i)) {
      same[i] = y[i] + y[i + 1];
      opposite[i] = y[i] - y[i + 1];
    }
  });
  unrolled<kColumns>([&]<int c>() {
    Sum<T> sum;
    unrolled<kRows>([&]<int i>() {
      if constexpr (is_pair(m, i))
        sum.add(m[i][c], m[i][c] == m[i + 1][c] ? same[i] : opposite[i]);
      else if constexpr (!is_pair(m, i - 1))
        sum.add(m[i][c], y[i]);
    });
    x[c] = sum.value;
  });
}

}  // namespace gradus::cpu::convolution
