#include "autograd/window.h"

#include <algorithm>

#include "tensor/shape.h"

namespace gradus {

int same_pad_before(int64_t large, int64_t small, int64_t window, int stride) {
  return static_cast<int>(std::max<int64_t>((small - 1) * stride + window - large, 0) / 2);
}

WindowPositions window_positions(Padding::Kind kind, int before, int after, int64_t in,
                                 int64_t window, int stride) {
  if (kind == Padding::Kind::same) {
    const int64_t out = (in + stride - 1) / stride;
    return {out, same_pad_before(in, out, window, stride)};
  }
  const int64_t room = in + before + after - window;
  return {room < 0 ? 0 : room / stride + 1, before};
}

void require_strides(const char* operation, int stride_h, int stride_w) {
  require<ShapeError>(stride_h > 0 && stride_w > 0, "{}: strides must be positive, got {} and {}",
                      operation, stride_h, stride_w);
}

}  // namespace gradus
