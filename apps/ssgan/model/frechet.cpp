#include "apps/ssgan/model/frechet.h"

#include <algorithm>
#include <cmath>

#include "apps/ssgan/model/evaluate.h"

namespace gradus::ssgan {
namespace {

/// [n, n].
class Matrix {
 public:
  explicit Matrix(size_t n) : n_(n), v_(n * n) {}
  double& operator()(size_t i, size_t j) { return v_[i * n_ + j]; }
  double operator()(size_t i, size_t j) const { return v_[i * n_ + j]; }
  size_t size() const { return n_; }

 private:
  size_t n_;
  std::vector<double> v_;
};

Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix c(a.size());
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t k = 0; k < a.size(); ++k)
      for (size_t j = 0; j < a.size(); ++j) c(i, j) += a(i, k) * b(k, j);
  return c;
}

/// Makes the symmetric `a` diagonal by rotations (Jacobi 1846; Golub and Van Loan, "Matrix
/// Computations", 8.5), which `vectors`, in its columns, collects.
void diagonalize(Matrix& a, Matrix& vectors) {
  const size_t n = a.size();
  constexpr int kMostSweeps = 50;
  const auto rotate = [](double& x, double& y, double c, double s) {
    const double old = x;
    x = c * old - s * y;
    y = s * old + c * y;
  };
  for (int sweep = 0;; ++sweep) {
    double off = 0, all = 0;
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j) (i == j ? all : off) += a(i, j) * a(i, j);
    if (off <= 1e-28 * all) return;
    require(sweep < kMostSweeps,
            "frechet_distance: no eigenvalues of the features' covariance after {} sweeps",
            kMostSweeps);
    for (size_t p = 0; p < n; ++p)
      for (size_t q = p + 1; q < n; ++q) {
        if (a(p, q) == 0) continue;
        const double tau = (a(q, q) - a(p, p)) / (2 * a(p, q));
        const double t = (tau >= 0 ? 1 : -1) / (std::abs(tau) + std::hypot(1, tau));
        const double c = 1 / std::hypot(1, t), s = t * c;
        for (size_t k = 0; k < n; ++k) rotate(a(k, p), a(k, q), c, s);
        for (size_t k = 0; k < n; ++k) rotate(a(p, k), a(q, k), c, s);
        for (size_t k = 0; k < n; ++k) rotate(vectors(k, p), vectors(k, q), c, s);
      }
  }
}

/// Of a symmetric matrix without negative eigenvalues; those below 0 by rounding count as 0.
Matrix square_root(Matrix a) {
  const size_t n = a.size();
  Matrix vectors(n), root(n);
  for (size_t i = 0; i < n; ++i) vectors(i, i) = 1;
  diagonalize(a, vectors);
  for (size_t k = 0; k < n; ++k) {
    const double value = std::sqrt(std::max(a(k, k), 0.0));
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j) root(i, j) += value * vectors(i, k) * vectors(j, k);
  }
  return root;
}

double trace(const Matrix& a) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a(i, i);
  return sum;
}

struct Normal {
  std::vector<double> mean;
  Matrix covariance;
};

std::vector<double> mean_of(const Features& f) {
  const auto n = static_cast<size_t>(f.count()), size = static_cast<size_t>(f.size);
  std::vector<double> mean(size);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < size; ++j) mean[j] += f.values[i * size + j] / double(n);
  return mean;
}

Normal normal_of(const Features& f) {
  const auto n = static_cast<size_t>(f.count()), size = static_cast<size_t>(f.size);
  Normal d{mean_of(f), Matrix(size)};
  std::vector<double> x(size);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < size; ++j) x[j] = f.values[i * size + j] - d.mean[j];
    for (size_t j = 0; j < size; ++j)
      for (size_t k = 0; k < size; ++k) d.covariance(j, k) += x[j] * x[k] / double(n - 1);
  }
  return d;
}

}  // namespace

Features Features::part(int64_t begin, int64_t end) const {
  return {size, {values.begin() + begin * size, values.begin() + end * size}};
}

Features features_of(Discriminator& discriminator, const Tensor& images, Statistics statistics) {
  Features f;
  for_each_batch(discriminator, images, statistics, [&f](const Discriminator::Output& out) {
    f.size = out.features.shape()[1];
    const auto values = out.features.value().to(kCpu).to(DType::f64).to_vector<double>();
    f.values.insert(f.values.end(), values.begin(), values.end());
  });
  return f;
}

double frechet_distance(const Features& a, const Features& b) {
  const Normal x = normal_of(a), y = normal_of(b);
  double distance = trace(x.covariance) + trace(y.covariance);
  for (size_t j = 0; j < x.mean.size(); ++j)
    distance += (x.mean[j] - y.mean[j]) * (x.mean[j] - y.mean[j]);
  // tr (XY)^(1/2) = tr (X^(1/2) Y X^(1/2))^(1/2), and the latter is symmetric.
  const Matrix root = square_root(x.covariance);
  return distance - 2 * trace(square_root(root * y.covariance * root));
}

double mean_distance(const Features& a, const Features& b) {
  const std::vector<double> x = mean_of(a), y = mean_of(b);
  double apart = 0, size = 0;
  for (size_t j = 0; j < x.size(); ++j) {
    apart += std::abs(x[j] - y[j]);
    size += std::abs(x[j]);
  }
  return apart / size;
}

}  // namespace gradus::ssgan
