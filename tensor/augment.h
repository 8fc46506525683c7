#pragma once

#include <cmath>
#include <cstdint>

#include "tensor/host_device.h"
#include "tensor/philox.h"

// Random changes of images [N, H, W, C] whose values lie about 0: what they are made of, and how an
// image's parameters are drawn, written once for every device.

namespace gradus {

/// How far each part of a change may go; 0 or false leaves the part out. U(a) is uniform in [-a,
/// a). Geometry first: an output pixel reads the image at the position that turning, shearing,
/// scaling, flipping and shifting about the centre give, bilinear between pixel centres; beyond the
/// edges the outermost pixels go on. Colours then, a pixel x [C] at a time: x <- x + m (mean(x) -
/// x), and x_c <- s g g_c x_c + b + b_c. Noise, clamping and the square come last.
struct Augmentation {
  double rotation = 0;           ///< degrees: turned by U(rotation)
  double scale = 0;              ///< along each axis by exp(U(scale))
  double shear = 0;              ///< by U(shear)
  double shift = 0;              ///< along each axis by U(shift) pixels
  int crop = 0;                  ///< along each axis by -crop ... crop whole pixels
  bool flip_horizontal = false;  ///< left and right are swapped in half of the images
  bool flip_vertical = false;
  double grey = 0;          ///< in this part of the images m = U[0, 1), else 0
  double gain = 0;          ///< g = exp(U(gain))
  double channel_gain = 0;  ///< g_c = exp(U(channel_gain))
  double bias = 0;          ///< b = U(bias)
  double channel_bias = 0;  ///< b_c = U(channel_bias)
  double invert = 0;        ///< s = -1 in this part of the images, else 1
  double noise = 0;         ///< n times an element's noise of variance 1 is added, n = U[0, noise)
  bool clamp = false;       ///< results are held in [-1, 1]
  int cutout = 0;           ///< a square of side 1 ... cutout about any pixel becomes 0

  bool operator==(const Augmentation&) const = default;
};

/// An image's parameters are a row of kAugmentColumns values, then C gains and C biases.
constexpr int64_t kAugmentColumns = 12;
GRADUS_HD constexpr int64_t augment_width(int64_t channels) {
  return kAugmentColumns + 2 * channels;
}

/// The random words of image n of a draw begin at this block, and 5 + (C + 1) / 2 blocks are its
/// own. Noise has those of fill_uniform: element i has word i % 4 of block i / 4.
GRADUS_HD constexpr uint32_t augment_block(int64_t n, int64_t channels) {
  return 0x80000000u + static_cast<uint32_t>(n * (5 + (channels + 1) / 2));
}

/// The sum of three uniform numbers of 10 bits each, which a word holds, less its mean: in (-3, 3),
/// of variance 1.
GRADUS_HD inline float augment_noise(uint32_t word) {
  const uint32_t sum = (word & 1023) + (word >> 10 & 1023) + (word >> 20 & 1023);
  return (static_cast<float>(sum) - 1534.5F) * (1 / 512.F);
}

/// Two pixels of an axis and the weight of the second, for a position between their centres.
template <class T>
struct Between {
  int64_t first, second;
  T weight;
};
/// Where an axis of n pixels, going on beyond its ends as its outermost pixels, is read.
template <class T>
GRADUS_HD Between<T> between(T at, int64_t n) {
  const T last = static_cast<T>(n - 1);
  at = at > 0 ? (at < last ? at : last) : T(0);
  const int64_t most = n > 1 ? n - 2 : 0, floor = static_cast<int64_t>(at);
  const int64_t first = floor < most ? floor : most;
  return {first, first + 1 < n ? first + 1 : first, at - static_cast<T>(first)};
}

/// What a row says.
template <class T>
struct AugmentRow {
  T yy, yx, xy, xx, down, right;  ///< the position that a pixel reads, see row_at and column_at
  T grey, noise;
  T top, bottom, left, right_end;  ///< the square: from (top, left) on, before (bottom, right_end)
  const T *gains, *biases;

  GRADUS_HD AugmentRow(const T* row, int64_t channels)
      : yy(row[0]),
        yx(row[1]),
        xy(row[2]),
        xx(row[3]),
        down(row[4]),
        right(row[5]),
        grey(row[6]),
        noise(row[7]),
        top(row[8]),
        bottom(row[9]),
        left(row[10]),
        right_end(row[11]),
        gains(row + kAugmentColumns),
        biases(row + kAugmentColumns + channels) {}

  /// Where output (i, j) reads images of that height and width: the row, the column.
  GRADUS_HD T row_at(T i, T j, T height, T width) const {
    const T v = i - (height - 1) / 2, u = j - (width - 1) / 2;
    return yy * v + yx * u + ((height - 1) / 2 + down);
  }
  GRADUS_HD T column_at(T i, T j, T height, T width) const {
    const T v = i - (height - 1) / 2, u = j - (width - 1) / 2;
    return xy * v + xx * u + ((width - 1) / 2 + right);
  }
  GRADUS_HD bool in_square(T i, T j) const {
    return i >= top && i < bottom && j >= left && j < right_end;
  }
};

/// Writes an image's row of parameters; `block(k)` is the k-th block of its random words.
template <class T, class Blocks>
GRADUS_HD void draw_augmentation(const Augmentation& a, int64_t height, int64_t width,
                                 int64_t channels, const Blocks& block, T* row) {
  using std::cos;
  using std::exp;
  using std::sin;
  const auto below = [](uint32_t word, double high) { return high * uniform01(word); };
  const auto about = [](uint32_t word, double most) { return most * (2.0 * uniform01(word) - 1); };
  const auto whole = [](uint32_t word, int64_t n) {  // 0 ... n - 1
    return static_cast<int64_t>(static_cast<double>(n) * uniform01(word));
  };
  const PhiloxBlock shape = block(0), offset = block(1), rare = block(2), colour = block(3),
                    square = block(4);

  const double angle = about(shape.v[0], a.rotation) * (3.14159265358979323846 / 180);
  const double shear = about(shape.v[1], a.shear), c = cos(angle), s = sin(angle);
  double tall = exp(about(shape.v[2], a.scale)), wide = exp(about(shape.v[3], a.scale));
  if (a.flip_vertical && rare.v[0] >> 31) tall = -tall;
  if (a.flip_horizontal && rare.v[1] >> 31) wide = -wide;
  const double cropped_y =
      static_cast<double>(whole(offset.v[2], 2 * int64_t{a.crop} + 1) - a.crop);
  const double cropped_x =
      static_cast<double>(whole(offset.v[3], 2 * int64_t{a.crop} + 1) - a.crop);

  const double grey = uniform01(rare.v[2]) < a.grey ? uniform01(rare.v[3]) : 0;
  const double gain =
      exp(about(colour.v[0], a.gain)) * (uniform01(colour.v[2]) < a.invert ? -1 : 1);
  const double bias = about(colour.v[1], a.bias);

  const int64_t side = a.cutout > 0 ? 1 + whole(square.v[0], a.cutout) : 0;
  const int64_t top = whole(square.v[1], height) - side / 2;
  const int64_t left = whole(square.v[2], width) - side / 2;

  const double values[kAugmentColumns] = {
      (s * shear + c) * tall,
      s * wide,
      (c * shear - s) * tall,
      c * wide,
      about(offset.v[0], a.shift) + cropped_y,
      about(offset.v[1], a.shift) + cropped_x,
      grey,
      below(colour.v[3], a.noise),
      static_cast<double>(top),
      static_cast<double>(top + side),
      static_cast<double>(left),
      static_cast<double>(left + side),
  };
  for (int64_t i = 0; i < kAugmentColumns; ++i) row[i] = T(values[i]);
  for (int64_t i = 0; i < channels; ++i) {
    const PhiloxBlock own = block(5 + i / 2);
    const uint32_t* words = own.v + 2 * (i % 2);
    row[kAugmentColumns + i] = T(gain * exp(about(words[0], a.channel_gain)));
    row[kAugmentColumns + channels + i] = T(bias + about(words[1], a.channel_bias));
  }
}

}  // namespace gradus
