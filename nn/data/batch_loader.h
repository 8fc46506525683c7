#pragma once

#include "nn/data/batches.h"
#include "nn/data/image_set.h"

namespace gradus {

/// A batch of a labelled set, for a classifier.
struct LabelledBatch {
  Tensor images;  ///< [M, H, W, C], x / 127.5 - 1
  Tensor labels;  ///< i32 [M]
};

/// Goes through a set of images of any size, channels and classes in the order of Batches. The set
/// is copied to the device once, as bytes.
class BatchLoader {
 public:
  /// Images come in `dtype`, f32 or f64, on `device`. Throws DataError for an empty set, ShapeError
  /// unless there are as many labels as images, Error unless `batch_size` is above 0.
  BatchLoader(const ImageSet& set, int64_t batch_size, uint64_t seed, DType dtype = DType::f32,
              Device device = kCpu);
  int64_t per_epoch() const { return batches_.per_epoch(); }
  /// Batch `position`, in [0, per_epoch()), of `epoch`, from 0 on. Throws Error beyond these.
  LabelledBatch at(int64_t epoch, int64_t position);

 private:
  Tensor images_, labels_;  ///< labels on the CPU
  Batches batches_;
  DType dtype_;
};

}  // namespace gradus
