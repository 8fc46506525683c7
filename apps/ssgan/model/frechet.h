#pragma once

#include <vector>

#include "apps/ssgan/model/networks.h"

namespace gradus::ssgan {

/// N vectors of `size` numbers: [N, size].
struct Features {
  int64_t size = 0;
  std::vector<double> values;

  int64_t count() const { return static_cast<int64_t>(values.size()) / size; }
  /// Those from `begin` to `end`.
  Features part(int64_t begin, int64_t end) const;
};

/// D's features of images u8 [N, S, S, 3], as for_each_batch has them.
Features features_of(Discriminator& discriminator, const Tensor& images, Statistics statistics);

/// The Fréchet distance of two normal distributions with the means m and covariances C of a and b:
/// |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) (Dowson and Landau 1982; of Inception's
/// features it is the FID of Heusel et al. 2017). Both have at least 2 vectors, and as long ones,
/// unchecked.
double frechet_distance(const Features& a, const Features& b);

/// How far the mean features of b are from those of a: the mean of |m_a - m_b| over that of |m_a|.
double mean_distance(const Features& a, const Features& b);

}  // namespace gradus::ssgan
