#pragma once

#include <filesystem>

#include "nn/data/image_set.h"

namespace gradus {

/// The parts of SVHN's cropped digits (Netzer et al. 2011): 73,257, 26,032 and 531,131 images.
enum class SvhnSplit { train, test, extra };

/// "train_32x32.mat".
const char* file_name(SvhnSplit split);
/// That of the file as published, as Md5 gives it.
const char* official_md5(SvhnSplit split);

/// Reads `dir`/train_32x32.mat and the like: X 32x32x3xN of 0..255 and y Nx1 or 1xN of 1..10
/// (10 is the digit zero), both of any numeric class, and whatever else beside them; N may be any
/// number from 1 on. The images are transposed as they
/// are inflated, so memory holds them once. A file whose MD5 is not the official one's is taken,
/// and `protocol` says so. images u8 [N, 32, 32, 3], labels i32 [N], 1 to 10. Whatever else is
/// wrong throws DataError that names the file.
ImageSet load_svhn(const std::filesystem::path& dir, SvhnSplit split);

}  // namespace gradus
