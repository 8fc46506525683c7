#pragma once

#include <optional>
#include <string_view>

#include "tensor/dtype.h"

namespace gradus {

/// A dtype of safetensors that is read, and what it becomes.
struct StoredDType {
  std::string_view name;  ///< "BF16"
  uint64_t width;         ///< bytes of an element in the file
  DType dtype;            ///< of the tensor
  /// Puts `count` elements, not aligned, into `to`; returns false where one does not fit.
  bool (*read)(const std::byte* from, int64_t count, void* to);
};

/// None for dtypes that no Tensor can hold.
std::optional<StoredDType> find_stored_dtype(std::string_view name);

}  // namespace gradus
