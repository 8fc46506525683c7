#include "tensor/random.h"

#include "tensor/backend.h"

namespace gradus {
namespace {

Tensor to_fill(const char* operation, const Shape& shape, const Draw& draw, DType dtype,
               Device device) {
  require<TypeError>(is_float(dtype), "{}: needs f32 or f64, got {}", operation, name(dtype));
  if (draw.step.defined())
    require<DeviceError>(draw.step.device() == device,
                         "{}: it draws on {}, but the draw's step is on {}", operation,
                         to_string(device), to_string(draw.step.device()));
  return Tensor(shape, dtype, device);
}

}  // namespace

Tensor normal(const Shape& shape, const Draw& draw, double mean, double stddev, DType dtype,
              Device device) {
  Tensor y = to_fill("normal", shape, draw, dtype, device);
  backend(y).fill_normal(draw, mean, stddev, y);
  return y;
}

Tensor uniform(const Shape& shape, const Draw& draw, double low, double high, DType dtype,
               Device device) {
  Tensor y = to_fill("uniform", shape, draw, dtype, device);
  backend(y).fill_uniform(draw, low, high, y);
  return y;
}

}  // namespace gradus
