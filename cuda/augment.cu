#include "cuda/grid.h"
#include "cuda/kernels.h"
#include "cuda/launch.h"
#include "cuda/words.h"

namespace gradus::cuda {
namespace {

/// The extents of images [N, H, W, C].
struct Extents {
  int64_t n, height, width, channels;
  explicit Extents(const Shape& s) : n(s[0]), height(s[1]), width(s[2]), channels(s[3]) {}
};

template <class T>
__global__ void draw_augmentation_kernel(Augmentation a, Words words, Extents e, T* rows) {
  for (int64_t n = first_item(); n < e.n; n += item_stride()) {
    const uint32_t first = augment_block(n, e.channels);
    draw_augmentation(
        a, e.height, e.width, e.channels, [&](int64_t k) { return words.block(first + k); },
        rows + n * augment_width(e.channels));
  }
}

/// A thread a pixel.
template <class T>
__global__ void augment_kernel(Augmentation a, Words words, Extents e, const T* rows, const T* x,
                               T* y) {
  const T height = T(e.height), width = T(e.width);
  for (int64_t p = first_item(); p < e.n * e.height * e.width; p += item_stride()) {
    const int64_t n = p / (e.height * e.width);
    const T i = T(p / e.width % e.height), j = T(p % e.width);
    const AugmentRow<T> row(rows + n * augment_width(e.channels), e.channels);
    const Between<T> v = between(row.row_at(i, j, height, width), e.height);
    const Between<T> u = between(row.column_at(i, j, height, width), e.width);
    const T* upper = x + (n * e.height + v.first) * e.width * e.channels;
    const T* lower = x + (n * e.height + v.second) * e.width * e.channels;
    const auto read = [&](int64_t c) {
      const int64_t left = u.first * e.channels + c, right = u.second * e.channels + c;
      return (1 - v.weight) * ((1 - u.weight) * upper[left] + u.weight * upper[right]) +
             v.weight * ((1 - u.weight) * lower[left] + u.weight * lower[right]);
    };
    T mean = 0;
    for (int64_t c = 0; c < e.channels; ++c) mean += read(c);
    mean /= T(e.channels);
    for (int64_t c = 0; c < e.channels; ++c) {
      const int64_t element = p * e.channels + c;
      const T read_here = read(c);
      T value = row.gains[c] * (read_here + row.grey * (mean - read_here)) + row.biases[c];
      if (a.noise > 0)
        value += row.noise * T(augment_noise(words.block(element / 4).v[element % 4]));
      if (a.clamp) value = value < -1 ? T(-1) : value > 1 ? T(1) : value;
      y[element] = row.in_square(i, j) ? T(0) : value;
    }
  }
}

/// A thread a row of an image: it goes through all outputs and takes what they have for its row, in
/// their order. So the bits are the same each time.
template <class T>
__global__ void augment_backward_kernel(bool clamp, Extents e, const T* rows, const T* y,
                                        const T* dy, T* dx) {
  const T height = T(e.height), width = T(e.width);
  for (int64_t r = first_item(); r < e.n * e.height; r += item_stride()) {
    const int64_t n = r / e.height, own = r % e.height;
    const AugmentRow<T> row(rows + n * augment_width(e.channels), e.channels);
    T* to = dx + r * e.width * e.channels;
    for (int64_t k = 0; k < e.width * e.channels; ++k) to[k] = 0;
    for (int64_t p = 0; p < e.height * e.width; ++p) {
      const T i = T(p / e.width), j = T(p % e.width);
      if (row.in_square(i, j)) continue;
      const Between<T> v = between(row.row_at(i, j, height, width), e.height);
      const T weight = (v.first == own ? 1 - v.weight : T(0)) + (v.second == own ? v.weight : T(0));
      if (weight == 0) continue;
      const Between<T> u = between(row.column_at(i, j, height, width), e.width);
      const int64_t first = (n * e.height * e.width + p) * e.channels;
      const auto gradient = [&](int64_t c) {
        const bool held = clamp && !(y[first + c] > -1 && y[first + c] < 1);
        return held ? T(0) : row.gains[c] * dy[first + c];
      };
      T mean = 0;
      for (int64_t c = 0; c < e.channels; ++c) mean += gradient(c);
      mean /= T(e.channels);
      for (int64_t c = 0; c < e.channels; ++c) {
        const T g = weight * ((1 - row.grey) * gradient(c) + row.grey * mean);
        to[u.first * e.channels + c] += (1 - u.weight) * g;
        to[u.second * e.channels + c] += u.weight * g;
      }
    }
  }
}

}  // namespace

void Kernels::draw_augmentation(const Augmentation& a, const Draw& draw, const Shape& images,
                                Tensor& rows) {
  visit_float(rows.dtype(), [&]<class T>(T) {
    launch_over("draw_augmentation_kernel", stream(), images[0], draw_augmentation_kernel<T>, a,
                Words(draw), Extents(images), rows.mutable_data<T>());
  });
}

void Kernels::augment(const Augmentation& a, const Draw& draw, const Tensor& rows, const Tensor& x,
                      Tensor& y) {
  const Extents e(x.shape());
  visit_float(x.dtype(), [&]<class T>(T) {
    launch_over("augment_kernel", stream(), e.n * e.height * e.width, augment_kernel<T>, a,
                Words(draw), e, rows.data<T>(), x.data<T>(), y.mutable_data<T>());
  });
}

void Kernels::augment_backward(const Augmentation& a, const Tensor& rows, const Tensor& y,
                               const Tensor& dy, Tensor& dx) {
  const Extents e(dy.shape());
  visit_float(dy.dtype(), [&]<class T>(T) {
    launch_over("augment_backward_kernel", stream(), e.n * e.height, augment_backward_kernel<T>,
                a.clamp, e, rows.data<T>(), a.clamp ? y.data<T>() : nullptr, dy.data<T>(),
                dx.mutable_data<T>());
  });
}

}  // namespace gradus::cuda
