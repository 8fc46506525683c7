#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace gradus {

/// What random numbers are for: streams of one seed never meet.
enum class Stream : uint32_t { init, train, sample, shuffle, labels, data, check };

/// One draw of random numbers. Word w of block b is
/// philox4x32({b, index, step, stream}, seed)[w], the key being the seed's low and high half, and b
/// counts modulo 2^32. The step is read on the device when the kernel
/// runs, so that a recording draws fresh numbers each time.
struct Draw {
  uint64_t seed = 0;
  Stream stream = Stream::train;
  uint32_t index = 0;
  Tensor step;  ///< i32 [] on the device that draws, or [2]: step, first block; undefined: 0
};

/// Hands out draws, numbered from 0 within each step.
class Random {
 public:
  /// `step`: i32 [] on the drawing device, or undefined for a stream without steps.
  explicit Random(uint64_t seed, Stream stream = Stream::train, Tensor step = {})
      : seed_(seed), stream_(stream), step_(std::move(step)) {}
  Draw next() { return {seed_, stream_, index_++, step_}; }
  void restart() { index_ = 0; }

 private:
  uint64_t seed_;
  Stream stream_;
  Tensor step_;
  uint32_t index_ = 0;
};

/// Numbers of the normal distribution, f32 or f64, as Backend::fill_normal draws them. Throws
/// TypeError for another dtype, DeviceError where the draw's step lies on another device.
Tensor normal(const Shape& shape, const Draw& draw, double mean = 0, double stddev = 1,
              DType dtype = DType::f32, Device device = kCpu);
/// The same, equally spread over [low, high), as Backend::fill_uniform draws them.
Tensor uniform(const Shape& shape, const Draw& draw, double low = 0, double high = 1,
               DType dtype = DType::f32, Device device = kCpu);

}  // namespace gradus
