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
};

/// Reads a safetensors file (https://huggingface.co/docs/safetensors) into CPU tensors. Takes the
/// dtypes F32, F64, I32 and U8, ranks up to 6 and headers up to 100 MB. A file that cannot be read
/// or breaks the format in any way throws DataError that names the file and the tensor.
TensorFile load_safetensors(const std::filesystem::path& path);

/// Writes tensors of any device through write_file. The same content gives the same bytes: the
/// header lists the metadata, then the tensors, each by name; the data starts at a multiple of 8
/// and holds the wider dtypes first, by name within a width, so that every tensor is aligned.
/// Throws OutputError where the file cannot be written, and Error for an undefined tensor, a tensor
/// called "__metadata__", text that is not UTF-8, or a header beyond 100 MB.
void save_safetensors(const std::filesystem::path& path, const TensorFile& file);

}  // namespace gradus
