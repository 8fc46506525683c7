#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace gradus {

/// Labelled images of one size, with any number of channels and classes.
struct ImageSet {
  Tensor images;                     ///< u8 [N, H, W, C], on the CPU; three channels are RGB
  Tensor labels;                     ///< i32 [N], indices into `classes`; SVHN stores zeros as 10
  std::vector<std::string> classes;  ///< their names
  std::string protocol;   ///< one line for reports: which file, whether it is the official one
  bool official = false;  ///< whether the files are the published ones, by their MD5

  int64_t count() const { return labels.count(); }
};

/// The images `index`, each within [0, N) (else Error), in that order.
ImageSet subset(const ImageSet& set, std::span<const int32_t> index);

/// Images as the networks see them, x / 127.5 - 1 in [-1, 1], on the device of `bytes`: the rows
/// `index`, i32 [M] on that device and within [0, N), of u8 [N, ...] as [M, ...] of `dtype`, f32 or
/// f64. Throws TypeError, ShapeError or DeviceError for other arguments; that an index is within
/// [0, N) is checked on the CPU alone, where it is an Error.
Tensor gather_images(const Tensor& bytes, const Tensor& index, DType dtype);
/// The same of all rows, in their order.
Tensor scaled_images(const Tensor& bytes, DType dtype);

}  // namespace gradus
