#include "cuda/grid.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/words.h"

namespace gradus::cuda {
namespace {

constexpr int64_t blocks_of(int64_t n) { return (n + 3) / 4; }

template <class T>
__global__ void fill_uniform_kernel(Words words, T low, T range, int64_t n, T* y) {
  for (int64_t b = first_item(); b < (n + 3) / 4; b += item_stride()) {
    const PhiloxBlock r = words.block(b);
    for (int k = 0; k < 4 && 4 * b + k < n; ++k) y[4 * b + k] = low + range * T(uniform01(r.v[k]));
  }
}

/// Box & Muller 1958 in f64, rounded to f32.
template <class T>
__global__ void fill_normal_kernel(Words words, T mean, T stddev, int64_t n, T* y) {
  constexpr double kTwoPi = 6.283185307179586476925;
  for (int64_t b = first_item(); b < (n + 3) / 4; b += item_stride()) {
    const PhiloxBlock r = words.block(b);
    for (int pair = 0; pair < 2; ++pair) {
      const double radius = sqrt(-2 * log(1.0 - uniform01(r.v[2 * pair])));
      const double angle = kTwoPi * uniform01(r.v[2 * pair + 1]);
      const float value[2] = {static_cast<float>(radius * cos(angle)),
                              static_cast<float>(radius * sin(angle))};
      const int64_t at = 4 * b + 2 * pair;
      for (int k = 0; k < 2 && at + k < n; ++k) y[at + k] = mean + stddev * T(value[k]);
    }
  }
}

template <class T>
__global__ void dropout_kernel(Words words, float threshold, T keep, int64_t n, const T* x, T* y) {
  for (int64_t b = first_item(); b < (n + 3) / 4; b += item_stride()) {
    const PhiloxBlock r = words.block(b);
    for (int k = 0; k < 4 && 4 * b + k < n; ++k)
      y[4 * b + k] = uniform01(r.v[k]) >= threshold ? x[4 * b + k] / keep : T(0);
  }
}

}  // namespace

void Kernels::fill_uniform(const Draw& draw, double low, double high, Tensor& y) {
  visit_float(y.dtype(), [&]<class T>(T) {
    launch_over("fill_uniform_kernel", stream(), blocks_of(y.count()), fill_uniform_kernel<T>,
                Words(draw), T(low), T(high - low), y.count(), y.mutable_data<T>());
  });
}

void Kernels::fill_normal(const Draw& draw, double mean, double stddev, Tensor& y) {
  visit_float(y.dtype(), [&]<class T>(T) {
    launch_over("fill_normal_kernel", stream(), blocks_of(y.count()), fill_normal_kernel<T>,
                Words(draw), T(mean), T(stddev), y.count(), y.mutable_data<T>());
  });
}

void Kernels::dropout(const Draw& draw, double rate, const Tensor& x, Tensor& y) {
  visit_float(x.dtype(), [&]<class T>(T) {
    launch_over("dropout_kernel", stream(), blocks_of(y.count()), dropout_kernel<T>, Words(draw),
                static_cast<float>(rate), T(1 - rate), y.count(), x.data<T>(), y.mutable_data<T>());
  });
}

}  // namespace gradus::cuda
