#include <cmath>
#include <numbers>

#include "tensor/cpu/parallel.h"
#include "tensor/cpu/philox_tile.h"
#include "tensor/cpu/reference.h"

namespace gradus::cpu {
namespace {

/// Calls fn(first element, elements, words) for tiles of n elements' random words.
template <class Fn>
void for_each_tile(const Draw& draw, int64_t n, const Fn& fn) {
  const DrawPlace at = place_of(draw);  // clang 14 captures no binding
  const uint32_t stream = static_cast<uint32_t>(draw.stream);
  const int64_t tiles = (n + 4 * kTile - 1) / (4 * kTile);
  parallel_for(tiles, 16, [&](int64_t begin, int64_t end) {
    Words words;
    for (int64_t tile = begin; tile < end; ++tile) {
      philox_tile(at.first_block + static_cast<uint32_t>(tile * kTile), draw.index, at.step, stream,
                  draw.seed, words);
      const int64_t first = tile * 4 * kTile;
      fn(first, std::min<int64_t>(4 * kTile, n - first), words);
    }
  });
}

/// Two normals from two words: Box & Muller 1958.
void normal_pair(uint32_t a, uint32_t b, double* out) {
  const double radius = std::sqrt(-2 * std::log(1.0 - uniform01(a)));
  const double angle = 2 * std::numbers::pi * uniform01(b);
  out[0] = static_cast<float>(radius * std::cos(angle));
  out[1] = static_cast<float>(radius * std::sin(angle));
}

}  // namespace

void Reference::fill_uniform(const Draw& draw, double low, double high, Tensor& y) {
  visit_float(y.dtype(), [&]<class T>(T) {
    T* out = y.mutable_data<T>();
    for_each_tile(draw, y.count(), [=](int64_t first, int64_t n, const Words& words) {
      for (int64_t i = 0; i < n; ++i)
        out[first + i] = T(low) + T(high - low) * T(uniform01(words[i]));
    });
  });
}

void Reference::fill_normal(const Draw& draw, double mean, double stddev, Tensor& y) {
  visit_float(y.dtype(), [&]<class T>(T) {
    T* out = y.mutable_data<T>();
    for_each_tile(draw, y.count(), [=](int64_t first, int64_t n, const Words& words) {
      for (int64_t i = 0; i < n; i += 2) {
        double pair[2];
        normal_pair(words[i], words[i + 1], pair);
        for (int64_t j = 0; j < 2 && i + j < n; ++j)
          out[first + i + j] = T(mean) + T(stddev) * T(pair[j]);
      }
    });
  });
}

void Reference::dropout(const Draw& draw, double rate, const Tensor& x, Tensor& y) {
  visit_float(x.dtype(), [&]<class T>(T) {
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    const T keep = T(1 - rate);
    const float threshold = static_cast<float>(rate);
    for_each_tile(draw, y.count(), [=](int64_t first, int64_t n, const Words& words) {
#pragma omp simd
      for (int64_t i = 0; i < n; ++i) {
        const T kept = in[first + i] / keep;
        out[first + i] = uniform01(words[i]) >= threshold ? kept : T(0);
      }
    });
  });
}

}  // namespace gradus::cpu
