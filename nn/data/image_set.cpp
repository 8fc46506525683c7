#include "nn/data/image_set.h"

#include <algorithm>
#include <numeric>

#include "tensor/backend.h"
#include "tensor/error.h"

namespace gradus {

ImageSet subset(const ImageSet& set, std::span<const int32_t> index) {
  ImageSet some = set;
  const auto count = static_cast<int64_t>(index.size());
  some.images = Tensor(set.images.shape().with(0, count), DType::u8);
  some.labels = Tensor({count}, DType::i32);
  const auto labels = set.labels.span<int32_t>();
  const size_t bytes = set.count() ? set.images.bytes() / static_cast<size_t>(set.count()) : 0;
  uint8_t* to = some.images.mutable_data<uint8_t>();
  for (size_t n = 0; n < index.size(); ++n, to += bytes) {
    const int32_t i = index[n];
    require(i >= 0 && i < set.count(), "subset: index {} is outside [0, {})", i, set.count());
    std::copy_n(set.images.data<uint8_t>() + static_cast<size_t>(i) * bytes, bytes, to);
    some.labels.mutable_span<int32_t>()[n] = labels[i];
  }
  return some;
}

Tensor gather_images(const Tensor& bytes, const Tensor& index, DType dtype) {
  require<TypeError>(
      bytes.dtype() == DType::u8 && index.dtype() == DType::i32 && is_float(dtype),
      "gather_images: {} images by {} indices as {}; u8 by i32 as f32 or f64 expected",
      name(bytes.dtype()), name(index.dtype()), name(dtype));
  require<ShapeError>(bytes.shape().rank() >= 1 && index.shape().rank() == 1,
                      "gather_images: images {} and index {}; [N, ...] and [M] expected",
                      bytes.shape(), index.shape());
  require<DeviceError>(bytes.device() == index.device(),
                       "gather_images: images on {}, but the index on {}",
                       to_string(bytes.device()), to_string(index.device()));
  if (index.device() == kCpu)
    for (const int32_t i : index.span<int32_t>())
      require(i >= 0 && i < bytes.shape()[0], "gather_images: index {} is outside [0, {})", i,
              bytes.shape()[0]);
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
