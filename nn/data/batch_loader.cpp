#include "nn/data/batch_loader.h"

#include "tensor/error.h"

namespace gradus {

BatchLoader::BatchLoader(const ImageSet& set, int64_t batch_size, uint64_t seed, DType dtype,
                         Device device)
    : images_(set.images.to(device)),
      labels_(set.labels),
      batches_(set.count(), batch_size, seed),
      dtype_(dtype) {
  require<ShapeError>(images_.shape().rank() == 4 && images_.shape()[0] == set.count(),
                      "batch loader: images {} and {} labels; [N, H, W, C] and N expected",
                      images_.shape(), set.count());
}

LabelledBatch BatchLoader::at(int64_t epoch, int64_t position) {
  const std::vector<int32_t> rows = batches_.at(epoch, position);
  const auto n = static_cast<int64_t>(rows.size());
  const auto all = labels_.span<int32_t>();
  std::vector<int32_t> labels;
  for (const int32_t i : rows) labels.push_back(all[i]);
  const Tensor index = Tensor::from(std::span<const int32_t>(rows), {n}).to(images_.device());
  return {gather_images(images_, index, dtype_),
          Tensor::from(std::span<const int32_t>(labels), {n}).to(images_.device())};
}

}  // namespace gradus
