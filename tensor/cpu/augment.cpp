#include <algorithm>
#include <limits>
#include <vector>

#include "tensor/cpu/cpu.h"
#include "tensor/cpu/parallel.h"
#include "tensor/cpu/philox_tile.h"

namespace gradus::cpu {
namespace {

/// An image's noise, element by element as augment_noise gives it.
void fill_noise(const Draw& draw, int64_t first, std::vector<float>& noise) {
  const auto [step, first_block] = place_of(draw);
  const auto count = static_cast<int64_t>(noise.size());
  Words words;
  for (int64_t begin = first / 4 * 4; begin < first + count; begin += 4 * kTile) {
    philox_tile(first_block + static_cast<uint32_t>(begin / 4), draw.index, step,
                static_cast<uint32_t>(draw.stream), draw.seed, words);
    const int64_t from = std::max(begin, first), to = std::min(begin + 4 * kTile, first + count);
    for (int64_t i = from; i < to; ++i) noise[i - first] = augment_noise(words[i - begin]);
  }
}

/// A line of an image at a time, in loops over its pixels that compilers turn into vector code:
/// where they read, then what they read, a channel after the other, then their colours.
class Lines {
 public:
  Lines(int64_t height, int64_t width, int64_t channels)
      : height_(height),
        width_(static_cast<int32_t>(width)),
        channels_(static_cast<int32_t>(channels)),
        at_(width),
        down_(width),
        right_(width),
        mean_(width),
        read_(width * std::max<int64_t>(channels, kLanes)) {}

  void read(const AugmentRow<float>& row, int64_t line, const float* image) {
    const int32_t pixel = channels_, below = width_ * channels_;
    place(row, line, pixel);
    std::fill(mean_.begin(), mean_.end(), 0.F);
    const int32_t next = width_ > 1 ? pixel : 0, under = height_ > 1 ? below : 0;
    for (int32_t c = 0; c < channels_; ++c) {
      const float* in = image + c;
      float* out = read_.data() + c * width_;
#pragma omp simd
      for (int32_t j = 0; j < width_; ++j) {
        const float* p = in + at_[j];
        const float upper = p[0] + right_[j] * (p[next] - p[0]);
        const float lower = p[under] + right_[j] * (p[under + next] - p[under]);
        out[j] = upper + down_[j] * (lower - upper);
        mean_[j] += out[j] / static_cast<float>(channels_);
      }
    }
  }

  /// Adds the gradient of a line of `made`, which is `dy` towards it, to the pixels that it was
  /// read from: `sums`, kLanes numbers a pixel, at least as many as channels.
  void send_back(const Augmentation& a, const AugmentRow<float>& row, int64_t line,
                 const float* made, const float* dy, float* sums) {
    place(row, line, kLanes);
    const float i = static_cast<float>(line), part = 1 / static_cast<float>(channels_);
    for (int32_t j = 0; j < width_; ++j) {
      float* g = read_.data() + j * kLanes;
      const bool in_square = row.in_square(i, static_cast<float>(j));
      float total = 0;
      for (int32_t c = 0; c < channels_; ++c) {
        const int32_t k = j * channels_ + c;
        const bool held = in_square || (a.clamp && !(made[k] > -1 && made[k] < 1));
        total += g[c] = held ? 0 : row.gains[c] * dy[k];
      }
      for (int32_t c = 0; c < channels_; ++c)
        g[c] = (1 - row.grey) * g[c] + row.grey * total * part;
    }
    const int32_t next = width_ > 1 ? kLanes : 0, under = height_ > 1 ? width_ * kLanes : 0;
    for (int32_t j = 0; j < width_; ++j) {
      const float right = right_[j], down = down_[j];
      float* p = sums + at_[j];
      const float* g = read_.data() + j * kLanes;
      add((1 - down) * (1 - right), g, p);
      add((1 - down) * right, g, p + next);
      add(down * (1 - right), g, p + under);
      add(down * right, g, p + under + next);
    }
  }
  static constexpr int32_t kLanes = 4;

  void write(const Augmentation& a, const AugmentRow<float>& row, int64_t line, const float* noise,
             float* out) const {
    const float low = a.clamp ? -1 : -std::numeric_limits<float>::infinity();
    const float i = static_cast<float>(line);
    for (int32_t c = 0; c < channels_; ++c) {
      const float* in = read_.data() + c * width_;
      const float gain = row.gains[c], bias = row.biases[c];
#pragma omp simd
      for (int32_t j = 0; j < width_; ++j) {
        const int32_t k = j * channels_ + c;
        float v = gain * (in[j] + row.grey * (mean_[j] - in[j])) + bias;
        if (noise) v += row.noise * noise[k];
        v = v < low ? low : v > -low ? -low : v;
        out[k] = row.in_square(i, static_cast<float>(j)) ? 0 : v;
      }
    }
  }

 private:
  /// `between` for vectors.
  struct Position {
    int32_t first;
    float weight;
    Position(float at, int32_t last) {
      at = at > 0 ? at : 0;
      at = at < static_cast<float>(last) ? at : static_cast<float>(last);
      const auto floor = static_cast<int32_t>(at);
      const int32_t most = last > 0 ? last - 1 : 0;
      first = floor < most ? floor : most;
      weight = at - static_cast<float>(first);
    }
  };

  /// Where the line's pixels read, where a pixel is `pixel` numbers.
  void place(const AugmentRow<float>& row, int64_t line, int32_t pixel) {
    const float height = static_cast<float>(height_), width = static_cast<float>(width_);
    const float i = static_cast<float>(line);
    const auto last_h = static_cast<int32_t>(height_ - 1), last_w = width_ - 1;
#pragma omp simd
    for (int32_t j = 0; j < width_; ++j) {
      const Position v(row.row_at(i, static_cast<float>(j), height, width), last_h);
      const Position u(row.column_at(i, static_cast<float>(j), height, width), last_w);
      at_[j] = (v.first * width_ + u.first) * pixel;
      down_[j] = v.weight;
      right_[j] = u.weight;
    }
  }

  static void add(float weight, const float* g, float* to) {
    for (int32_t c = 0; c < kLanes; ++c) to[c] += weight * g[c];
  }

  int64_t height_;
  int32_t width_, channels_;
  std::vector<int32_t> at_;
  std::vector<float> down_, right_, mean_, read_;
};

}  // namespace

void Cpu::augment(const Augmentation& a, const Draw& draw, const Tensor& rows, const Tensor& x,
                  Tensor& y) {
  const int64_t height = x.shape()[1], width = x.shape()[2], channels = x.shape()[3];
  const int64_t image = height * width * channels;
  if (x.dtype() != DType::f32 || image > std::numeric_limits<int32_t>::max())
    return Reference::augment(a, draw, rows, x, y);
  const float *in = x.data<float>(), *all = rows.data<float>();
  float* out = y.mutable_data<float>();
  parallel_for(x.shape()[0], kGrain / image + 1, [&, in, all, out](int64_t begin, int64_t end) {
    Lines lines(height, width, channels);
    std::vector<float> noise(a.noise > 0 ? image : 0);
    for (int64_t n = begin; n < end; ++n) {
      const AugmentRow<float> row(all + n * augment_width(channels), channels);
      if (a.noise > 0) fill_noise(draw, n * image, noise);
      for (int64_t i = 0; i < height; ++i) {
        const int64_t first = i * width * channels;
        lines.read(row, i, in + n * image);
        lines.write(a, row, i, a.noise > 0 ? noise.data() + first : nullptr,
                    out + n * image + first);
      }
    }
  });
}

void Cpu::augment_backward(const Augmentation& a, const Tensor& rows, const Tensor& y,
                           const Tensor& dy, Tensor& dx) {
  const int64_t height = dy.shape()[1], width = dy.shape()[2], channels = dy.shape()[3];
  const int64_t pixels = height * width, image = pixels * channels;
  if (dy.dtype() != DType::f32 || channels > Lines::kLanes ||
      pixels > std::numeric_limits<int32_t>::max() / Lines::kLanes)
    return Reference::augment_backward(a, rows, y, dy, dx);
  const float *all = rows.data<float>(), *grad = dy.data<float>();
  const float* made = a.clamp ? y.data<float>() : grad;
  float* out = dx.mutable_data<float>();
  parallel_for(dy.shape()[0], kGrain / image + 1, [&, all, grad, made, out](int64_t b, int64_t e) {
    Lines lines(height, width, channels);
    std::vector<float> sums(pixels * Lines::kLanes);
    for (int64_t n = b; n < e; ++n) {
      const AugmentRow<float> row(all + n * augment_width(channels), channels);
      std::fill(sums.begin(), sums.end(), 0.F);
      for (int64_t i = 0; i < height; ++i) {
        const int64_t first = n * image + i * width * channels;
        lines.send_back(a, row, i, made + first, grad + first, sums.data());
      }
      for (int64_t k = 0; k < pixels; ++k)
        for (int64_t c = 0; c < channels; ++c)
          out[n * image + k * channels + c] = sums[k * Lines::kLanes + c];
    }
  });
}

}  // namespace gradus::cpu
