#include "tensor/safetensors.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "tensor/file.h"
#include "tensor/safetensors_format.h"

namespace gradus {
namespace {

using Json = nlohmann::json;
using Bytes = std::span<const std::byte>;

constexpr size_t kAlignment = 8;

const char* format_name(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "F32";
    case DType::f64:
      return "F64";
    case DType::i32:
      return "I32";
    case DType::u8:
      return "U8";
  }
  return "?";
}

using Item = std::pair<std::string, Tensor>;

std::vector<Item> host_tensors(const TensorFile& file) {
  std::vector<Item> items;
  for (const auto& [name, tensor] : file.tensors) {
    require(tensor.defined(), "save_safetensors: tensor \"{}\" is undefined", name);
    require(name != kSafetensorsMetadata, "save_safetensors: \"{}\" cannot name a tensor", name);
    items.emplace_back(name, tensor.to(kCpu));
  }
  return items;
}

/// The header with its length in front, padded by spaces.
std::string header_of(const TensorFile& file, const std::map<std::string, size_t>& offsets) {
  auto header = nlohmann::ordered_json::object();
  if (!file.metadata.empty()) header[kSafetensorsMetadata] = file.metadata;
  for (const auto& [name, tensor] : file.tensors) {
    const size_t begin = offsets.at(name);
    const auto extents = tensor.shape().extents();
    header[name] = {{"dtype", format_name(tensor.dtype())},
                    {"shape", std::vector<int64_t>(extents.begin(), extents.end())},
                    {"data_offsets", {begin, begin + tensor.bytes()}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception& e) {
    throw Error(fmt::format("save_safetensors: a name or metadata is not UTF-8: {}", e.what()));
  }
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  require(text.size() <= kMaxSafetensorsHeader,
          "save_safetensors: a header of {} bytes, at most {}", text.size(), kMaxSafetensorsHeader);
  const uint64_t length = text.size();
  text.insert(0, reinterpret_cast<const char*>(&length), kSafetensorsLengthBytes);
  return text;
}

}  // namespace

const Tensor* TensorFile::find(const std::string& name) const {
  const auto reason = unread.find(name);
  if (reason != unread.end()) throw DataError(reason->second);
  const auto it = tensors.find(name);
  return it == tensors.end() ? nullptr : &it->second;
}

void save_safetensors(const std::filesystem::path& path, const TensorFile& file) {
  std::vector<Item> items = host_tensors(file);
  // Readers that map the file, such as PyTorch's, want each tensor aligned to its elements.
  std::ranges::stable_sort(items, std::greater<>{},
                           [](const Item& i) { return size_of(i.second.dtype()); });
  std::map<std::string, size_t> offsets;
  std::vector<Bytes> pieces(1);
  size_t end = 0;
  for (const auto& [name, tensor] : items) {
    offsets[name] = end;
    end += tensor.bytes();
    pieces.emplace_back(static_cast<const std::byte*>(tensor.raw()), tensor.bytes());
  }
  const std::string header = header_of(file, offsets);
  pieces.front() = std::as_bytes(std::span(header));
  write_file(path, pieces);
}

}  // namespace gradus
