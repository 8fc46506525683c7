#include "tensor/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "tensor/file.h"

namespace gradus {
namespace {

using Json = nlohmann::json;
using Bytes = std::span<const std::byte>;

constexpr const char* kMetadata = "__metadata__";
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr size_t kLengthBytes = sizeof(uint64_t);
constexpr size_t kAlignment = 8;

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

struct NamedDType {
  const char* name;
  DType dtype;
};
constexpr std::array kDTypes{NamedDType{"F32", DType::f32}, NamedDType{"F64", DType::f64},
                             NamedDType{"I32", DType::i32}, NamedDType{"U8", DType::u8}};

const char* format_name(DType dtype) {
  return std::ranges::find(kDTypes, dtype, &NamedDType::dtype)->name;
}

/// Where a tensor's bytes lie in the data, for the check that they cover it.
struct Region {
  uint64_t begin, end;
  std::string name;
};

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : path_(path.string()) {
    bytes_ = read_file(path);
  }

  TensorFile read() {
    const Json header = parse_header();
    TensorFile file;
    for (const auto& [name, entry] : header.items()) {
      if (name == kMetadata)
        file.metadata = read_metadata(entry);
      else
        file.tensors.emplace(name, read_tensor(name, entry));
    }
    check_cover();
    return file;
  }

 private:
  template <class... Args>
  void check(bool ok, fmt::format_string<Args...> format, Args&&... args) const {
    if (!ok) [[unlikely]]
      throw DataError(path_ + ": " + fmt::format(format, std::forward<Args>(args)...));
  }

  Json parse_header() {
    check(bytes_.size() >= kLengthBytes,
          "not a safetensors file: {} bytes, but the header's length alone takes {}", bytes_.size(),
          kLengthBytes);
    uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), kLengthBytes);
    check(length <= kMaxHeaderBytes,
          "not a safetensors file: it announces a header of {} bytes, at most {} are allowed",
          length, kMaxHeaderBytes);
    check(length <= bytes_.size() - kLengthBytes,
          "truncated: the header should end at byte {}, but the file ends at byte {}",
          kLengthBytes + length, bytes_.size());
    const char* text = reinterpret_cast<const char*>(bytes_.data()) + kLengthBytes;
    check(length > 0 && *text == '{',
          "not a safetensors file: its header does not start with '{{'");
    data_ = Bytes(bytes_).subspan(kLengthBytes + length);
    return parse_json(std::string_view(text, length));
  }

  /// nlohmann's parser keeps the last of several equal keys, so they are caught on the way.
  Json parse_json(std::string_view text) const {
    std::vector<std::set<std::string>> keys;
    const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
      constexpr int kMaxDepth = 3;
      check(depth <= kMaxDepth, "its header is nested deeper than the format has it");
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key) {
        const auto& key = value.get_ref<const std::string&>();
        check(keys.back().insert(key).second, "its header has the key \"{}\" twice", key);
      }
      return true;
    };
    try {
      return Json::parse(text, watch);
    } catch (const Json::exception& e) {
      throw DataError(fmt::format("{}: its header is not JSON: {}", path_, e.what()));
    }
  }

  std::map<std::string, std::string> read_metadata(const Json& entry) const {
    check(entry.is_object(), "\"{}\" should be an object of strings", kMetadata);
    std::map<std::string, std::string> metadata;
    for (const auto& [key, value] : entry.items()) {
      check(value.is_string(), "\"{}\" should hold strings, but \"{}\" is of type {}", kMetadata,
            key, value.type_name());
      metadata.emplace(key, value.get<std::string>());
    }
    return metadata;
  }

  Tensor read_tensor(const std::string& name, const Json& entry) {
    check(entry.is_object() && entry.size() == 3 && entry.contains("dtype") &&
              entry.contains("shape") && entry.contains("data_offsets"),
          "tensor \"{}\" should have the keys dtype, shape and data_offsets", name);
    const DType dtype = read_dtype(name, entry["dtype"]);
    const std::vector<uint64_t> extents = read_numbers(name, "shape", entry["shape"]);
    const std::vector<uint64_t> offsets = read_numbers(name, "data_offsets", entry["data_offsets"]);
    check(extents.size() <= Shape::kMaxRank, "tensor \"{}\" has rank {}, at most {} is read", name,
          extents.size(), Shape::kMaxRank);
    check(offsets.size() == 2 && offsets[0] <= offsets[1],
          "tensor \"{}\": its data_offsets should be a begin and an end", name);
    check(offsets[1] <= data_.size(),
          "tensor \"{}\" should end at byte {} of the data, but the file has {}: is it truncated?",
          name, offsets[1], data_.size());
    const uint64_t bytes = offsets[1] - offsets[0];
    check(byte_count(extents, dtype) == bytes, "tensor \"{}\": {} bytes of data do not fit {} {}",
          name, bytes, format_name(dtype), entry["shape"].dump());
    Tensor tensor(Shape(std::vector<int64_t>(extents.begin(), extents.end())), dtype);
    if (bytes > 0) std::memcpy(tensor.mutable_raw(), data_.data() + offsets[0], bytes);
    regions_.push_back({offsets[0], offsets[1], name});
    return tensor;
  }

  DType read_dtype(const std::string& name, const Json& entry) const {
    const std::string text = entry.is_string() ? entry.get<std::string>() : entry.dump();
    const auto* it = std::ranges::find(kDTypes, text, &NamedDType::name);
    check(it != kDTypes.end(), "tensor \"{}\" has dtype {}; F32, F64, I32 and U8 are read", name,
          text);
    return it->dtype;
  }

  std::vector<uint64_t> read_numbers(const std::string& name, const char* key,
                                     const Json& entry) const {
    constexpr uint64_t kMax = uint64_t{1} << 62;
    check(entry.is_array() && std::ranges::all_of(entry,
                                                  [](const Json& v) {
                                                    return v.is_number_unsigned() &&
                                                           v.get<uint64_t>() <= kMax;
                                                  }),
          "tensor \"{}\": its {} should be an array of integers from 0 to 2^62", name, key);
    return entry.get<std::vector<uint64_t>>();
  }

  /// All ones beyond what a Shape takes, also where an extent of 0 would bring the count back to 0.
  static uint64_t byte_count(const std::vector<uint64_t>& extents, DType dtype) {
    constexpr uint64_t kMost = uint64_t{1} << 62;
    uint64_t bytes = size_of(dtype);
    for (const uint64_t e : extents)
      if (e > 0 && (__builtin_mul_overflow(bytes, e, &bytes) || bytes > kMost))
        return std::numeric_limits<uint64_t>::max();
    return std::ranges::count(extents, 0u) > 0 ? 0 : bytes;
  }

  void check_cover() {
    std::ranges::sort(regions_, {}, [](const Region& r) { return std::pair(r.begin, r.end); });
    uint64_t covered = 0;
    for (const Region& r : regions_) {
      check(r.begin == covered, "tensor \"{}\" starts at byte {} of the data, {} expected: {}",
            r.name, r.begin, covered, r.begin < covered ? "tensors overlap" : "a hole");
      covered = r.end;
    }
    check(covered == data_.size(), "{} bytes follow the last tensor", data_.size() - covered);
  }

  std::string path_;
  std::vector<std::byte> bytes_;
  Bytes data_;
  std::vector<Region> regions_;
};

using Item = std::pair<std::string, Tensor>;

std::vector<Item> host_tensors(const TensorFile& file) {
  std::vector<Item> items;
  for (const auto& [name, tensor] : file.tensors) {
    require(tensor.defined(), "save_safetensors: tensor \"{}\" is undefined", name);
    require(name != kMetadata, "save_safetensors: \"{}\" cannot name a tensor", name);
    items.emplace_back(name, tensor.to(kCpu));
  }
  return items;
}

/// The header with its length in front, padded by spaces.
std::string header_of(const TensorFile& file, const std::map<std::string, size_t>& offsets) {
  auto header = nlohmann::ordered_json::object();
  if (!file.metadata.empty()) header[kMetadata] = file.metadata;
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
  require(text.size() <= kMaxHeaderBytes, "save_safetensors: a header of {} bytes, at most {}",
          text.size(), kMaxHeaderBytes);
  const uint64_t length = text.size();
  text.insert(0, reinterpret_cast<const char*>(&length), kLengthBytes);
  return text;
}

}  // namespace

TensorFile load_safetensors(const std::filesystem::path& path) { return Reader(path).read(); }

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
