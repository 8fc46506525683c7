#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "tensor/tensor.h"

namespace gradus {

/// Named tensors and strings, as a safetensors file holds them.
struct TensorFile {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
  /// By name, tensors of the file that no Tensor can hold, each with a message that says why.
  std::map<std::string, std::string> unread = {};

  /// None where there is no such tensor. Throws DataError with its message for one in `unread`.
  const Tensor* find(const std::string& name) const;
};

/// Reads a safetensors file (https://huggingface.co/docs/safetensors) into CPU tensors: F32, F64,
/// I32 and U8 as they are, F16 and BF16 as f32, BOOL as u8 of 0 and 1, I8, I16, U16, U32, I64 and
/// U64 as i32. A tensor of another dtype, with an integer beyond i32, or of a rank above 6 is
/// passed over and named in `unread`; files that hold such tensors beside those asked for are read.
/// A file that cannot be read, breaks the format in any way or has a header beyond 100 MB throws
/// DataError that names the file and the tensor.
[[nodiscard]] TensorFile load_safetensors(const std::filesystem::path& path);

/// Writes the tensors, of any device, and the metadata through write_file. The same content gives
/// the same bytes: the header lists the metadata, then the tensors, each by name; the data starts
/// at a multiple of 8 and holds the wider dtypes first, by name within a width, so that every
/// tensor is aligned. Throws OutputError where the file cannot be written, and Error for an
/// undefined tensor, a tensor called "__metadata__", text that is not UTF-8, or a header beyond 100
/// MB.
void save_safetensors(const std::filesystem::path& path, const TensorFile& file);

}  // namespace gradus
