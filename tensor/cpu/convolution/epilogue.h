#pragma once

#include "tensor/cpu/parallel.h"
#include "tensor/cpu/rectifier.h"

namespace gradus::cpu::convolution {

/// What a kernel does to its sums [..., K] when it stores them: activation(sum + bias); bias [K]
/// may be null.
struct RawEpilogue {
  const float* bias = nullptr;
  Rectifier activation = {};
};

/// The epilogue of y [rows, channels] by itself.
inline void apply_epilogue(int64_t rows, int64_t channels, const RawEpilogue& epilogue, float* y) {
  if (!epilogue.bias && epilogue.activation.changes_nothing()) return;
  parallel_for(rows, kGrain / channels + 1, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for (int64_t c = 0; c < channels; ++c) {
        float& v = y[row * channels + c];
        v = epilogue.activation(epilogue.bias ? v + epilogue.bias[c] : v);
      }
  });
}

}  // namespace gradus::cpu::convolution
