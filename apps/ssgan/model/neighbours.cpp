#include "apps/ssgan/model/neighbours.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace gradus::ssgan {
namespace {

int64_t squared_distance(const uint8_t* a, const uint8_t* b, size_t size) {
  int64_t sum = 0;
  constexpr size_t kPart = 16384;  // as many squares of bytes fit into 32 bits
  for (size_t begin = 0; begin < size; begin += kPart) {
    int32_t part = 0;
    for (size_t i = begin; i < std::min(size, begin + kPart); ++i)
      part += (a[i] - b[i]) * (a[i] - b[i]);
    sum += part;
  }
  return sum;
}

}  // namespace

Neighbours neighbours_of(const Tensor& real, const Tensor& generated, int64_t count) {
  const auto n = static_cast<size_t>(count),
             size = static_cast<size_t>(real.count() / real.shape()[0]);
  const uint8_t* const bytes[] = {real.span<uint8_t>().data(), generated.span<uint8_t>().data()};
  constexpr size_t kReal = 0, kGenerated = 1;
  // Of each image, by kind: the distance of the nearest image of either kind.
  std::vector<std::array<int64_t, 2>> nearest(
      2 * n, {std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::max()});
  for (size_t a = 0; a < 2 * n; ++a)
    for (size_t b = a + 1; b < 2 * n; ++b) {
      const int64_t d =
          squared_distance(bytes[a / n] + a % n * size, bytes[b / n] + b % n * size, size);
      nearest[a][b / n] = std::min(nearest[a][b / n], d);
      nearest[b][a / n] = std::min(nearest[b][a / n], d);
    }
  const auto rms = [&](int64_t d) { return std::sqrt(double(d) / double(size)) / double(n); };
  Neighbours out;
  for (size_t i = 0; i < n; ++i) {
    const auto &r = nearest[i], &g = nearest[n + i];
    out.real_from_real += rms(r[kReal]);
    out.generated_from_real += rms(g[kReal]);
    out.real_by_real += r[kReal] < r[kGenerated] ? 1 / double(n) : 0;
    out.generated_by_generated += g[kGenerated] < g[kReal] ? 1 / double(n) : 0;
  }
  return out;
}

}  // namespace gradus::ssgan
