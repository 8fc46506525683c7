#pragma once

#include <algorithm>
#include <bit>
#include <cstring>

#include "tensor/tensor.h"
#include "tests/fake_cuda/fake.h"

namespace gradus::fake_cuda {

/// What lies at p on the device, for the CPU's reference; throws where it is not all there.
inline Tensor read(int device, const void* p, const Shape& shape, DType dtype, bool tf32) {
  Tensor t(shape, dtype);
  require_memory(device, p, t.bytes(), "an operand");
  if (t.bytes()) std::memcpy(t.mutable_raw(), p, t.bytes());
  if (tf32 && dtype == DType::f32)
    for (float& v : t.mutable_span<float>())
      v = std::bit_cast<float>((std::bit_cast<uint32_t>(v) + 0x1000u) & ~0x1fffu);
  return t;
}

inline void write(int device, const Tensor& t, void* p) {
  require_memory(device, p, t.bytes(), "a result");
  if (t.bytes()) std::memcpy(p, t.raw(), t.bytes());
}

/// What a library leaves in its workspace.
inline void scribble(int device, void* workspace, size_t bytes) {
  require_memory(device, workspace, bytes, "a workspace");
  if (bytes) std::memset(workspace, 0xee, bytes);
}

}  // namespace gradus::fake_cuda
