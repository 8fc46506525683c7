#include "nn/data/image_set.h"

#include <numeric>

#include "tensor/backend.h"

namespace gradus {

Tensor gather_images(const Tensor& bytes, const Tensor& index, DType dtype) {
  Tensor images(bytes.shape().with(0, index.count()), dtype, bytes.device());
  backend(bytes).gather(bytes, index, 1 / 127.5, -1, images);
  return images;
}

Tensor scaled_images(const Tensor& bytes, DType dtype) {
  Tensor all(Shape{bytes.shape()[0]}, DType::i32);
  const auto indices = all.mutable_span<int32_t>();
  std::iota(indices.begin(), indices.end(), 0);
  return gather_images(bytes, all.to(bytes.device()), dtype);
}

}  // namespace gradus
