#pragma once

#include <filesystem>
#include <string>

#include "tensor/tensor.h"

namespace gradus {

struct IdxFile {
  Tensor values;    ///< u8, of as many axes, on the CPU
  std::string md5;  ///< of the whole file, inflated
};

/// Reads an IDX file of unsigned bytes with `rank` axes, 1 to 6 (LeCun, Cortes and Burges, "The
/// MNIST database"), compressed by gzip or not: two zero bytes, 0x08, the rank, the sizes as
/// big-endian u32, the values in row-major order. Nothing in it is believed: memory is claimed only
/// for what the file can hold. Throws DataError that names the file where it is missing, damaged,
/// cut short, too long, empty, or of another type or rank.
[[nodiscard]] IdxFile read_idx(const std::filesystem::path& path, int rank);

}  // namespace gradus
