#include "tensor/cpu/parallel.h"
#include "tensor/cpu/philox_tile.h"
#include "tensor/cpu/reference.h"

namespace gradus::cpu {
namespace {

PhiloxBlock words(const Draw& draw, uint32_t block) {
  const auto [step, first_block] = place_of(draw);
  return philox4x32({{first_block + block, draw.index, step, static_cast<uint32_t>(draw.stream)}},
                    static_cast<uint32_t>(draw.seed), static_cast<uint32_t>(draw.seed >> 32));
}

/// The extents of images [N, H, W, C].
struct Extents {
  int64_t n, height, width, channels;
  explicit Extents(const Shape& s) : n(s[0]), height(s[1]), width(s[2]), channels(s[3]) {}
  int64_t image() const { return height * width * channels; }
};

/// An output pixel's four pixels of the image, as offsets, and their weights.
template <class T>
struct Taps {
  int64_t at[4];
  T weight[4];

  Taps(const AugmentRow<T>& row, int64_t i, int64_t j, const Extents& e) {
    const T h = T(e.height), w = T(e.width);
    const Between<T> y = between(row.row_at(T(i), T(j), h, w), e.height);
    const Between<T> x = between(row.column_at(T(i), T(j), h, w), e.width);
    for (int k = 0; k < 4; ++k) {
      at[k] = ((k & 2 ? y.second : y.first) * e.width + (k & 1 ? x.second : x.first)) * e.channels;
      weight[k] = (k & 2 ? y.weight : 1 - y.weight) * (k & 1 ? x.weight : 1 - x.weight);
    }
  }
  T read(const T* image, int64_t c) const {
    T sum = 0;
    for (int k = 0; k < 4; ++k) sum += weight[k] * image[at[k] + c];
    return sum;
  }
};

template <class T>
T mean_of(const T* values, int64_t n) {
  T sum = 0;
  for (int64_t c = 0; c < n; ++c) sum += values[c];
  return sum / T(n);
}

}  // namespace

void Reference::draw_augmentation(const Augmentation& a, const Draw& draw, const Shape& images,
                                  Tensor& rows) {
  const Extents e(images);
  visit_float(rows.dtype(), [&]<class T>(T) {
    T* out = rows.mutable_data<T>();
    for (int64_t n = 0; n < e.n; ++n) {
      const uint32_t first = augment_block(n, e.channels);
      gradus::draw_augmentation(
          a, e.height, e.width, e.channels, [&](int64_t k) { return words(draw, first + k); },
          out + n * augment_width(e.channels));
    }
  });
}

void Reference::augment(const Augmentation& a, const Draw& draw, const Tensor& rows,
                        const Tensor& x, Tensor& y) {
  const Extents e(x.shape());
  visit_float(x.dtype(), [&]<class T>(T) {
    const T *in = x.data<T>(), *all = rows.data<T>();
    T* out = y.mutable_data<T>();
    parallel_for(e.n, 1, [&, e, in, all, out](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        const AugmentRow<T> row(all + n * augment_width(e.channels), e.channels);
        for (int64_t i = 0; i < e.height; ++i)
          for (int64_t j = 0; j < e.width; ++j) {
            const Taps<T> taps(row, i, j, e);
            const int64_t first = ((n * e.height + i) * e.width + j) * e.channels;
            T* pixel = out + first;
            for (int64_t c = 0; c < e.channels; ++c) pixel[c] = taps.read(in + n * e.image(), c);
            const T mean = mean_of(pixel, e.channels);
            for (int64_t c = 0; c < e.channels; ++c) {
              T v = row.gains[c] * (pixel[c] + row.grey * (mean - pixel[c])) + row.biases[c];
              if (a.noise > 0) {
                const int64_t element = first + c;
                const PhiloxBlock block = words(draw, static_cast<uint32_t>(element / 4));
                v += row.noise * T(augment_noise(block.v[element % 4]));
              }
              if (a.clamp) v = std::clamp(v, T(-1), T(1));
              pixel[c] = row.in_square(T(i), T(j)) ? T(0) : v;
            }
          }
      }
    });
  });
}

void Reference::augment_backward(const Augmentation& a, const Tensor& rows, const Tensor& y,
                                 const Tensor& dy, Tensor& dx) {
  const Extents e(dy.shape());
  visit_float(dy.dtype(), [&]<class T>(T) {
    const T *all = rows.data<T>(), *grad = dy.data<T>(), *made = a.clamp ? y.data<T>() : nullptr;
    T* out = dx.mutable_data<T>();
    parallel_for(e.n, 1, [=](int64_t begin, int64_t end) {
      std::vector<T> g(e.channels);
      std::fill(out + begin * e.image(), out + end * e.image(), T(0));
      for (int64_t n = begin; n < end; ++n) {
        const AugmentRow<T> row(all + n * augment_width(e.channels), e.channels);
        for (int64_t i = 0; i < e.height; ++i)
          for (int64_t j = 0; j < e.width; ++j) {
            if (row.in_square(T(i), T(j))) continue;
            const int64_t first = ((n * e.height + i) * e.width + j) * e.channels;
            for (int64_t c = 0; c < e.channels; ++c) {
              const bool held = made && !(made[first + c] > -1 && made[first + c] < 1);
              g[c] = held ? T(0) : row.gains[c] * grad[first + c];
            }
            const T shared = row.grey * mean_of(g.data(), e.channels);
            const Taps<T> taps(row, i, j, e);
            for (int k = 0; k < 4; ++k)
              for (int64_t c = 0; c < e.channels; ++c)
                out[n * e.image() + taps.at[k] + c] +=
                    taps.weight[k] * ((1 - row.grey) * g[c] + shared);
          }
      }
    });
  });
}

}  // namespace gradus::cpu
