#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "tensor/file.h"
#include "tensor/safetensors.h"
#include "tensor/safetensors_format.h"
#include "tensor/safetensors_values.h"

namespace gradus {
namespace {

using Json = nlohmann::json;
using Bytes = std::span<const std::byte>;

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
      if (name == kSafetensorsMetadata)
        file.metadata = read_metadata(entry);
      else
        read_tensor(name, entry, file);
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
    check(bytes_.size() >= kSafetensorsLengthBytes,
          "not a safetensors file: {} bytes, but the header's length alone takes {}", bytes_.size(),
          kSafetensorsLengthBytes);
    uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), kSafetensorsLengthBytes);
    check(length <= kMaxSafetensorsHeader,
          "not a safetensors file: it announces a header of {} bytes, at most {} are allowed",
          length, kMaxSafetensorsHeader);
    check(length <= bytes_.size() - kSafetensorsLengthBytes,
          "truncated: the header should end at byte {}, but the file ends at byte {}",
          kSafetensorsLengthBytes + length, bytes_.size());
    const char* text = reinterpret_cast<const char*>(bytes_.data()) + kSafetensorsLengthBytes;
    check(length > 0 && *text == '{',
          "not a safetensors file: its header does not start with '{{'");
    data_ = Bytes(bytes_).subspan(kSafetensorsLengthBytes + length);
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
    std::map<std::string, std::string> metadata;
    if (entry.is_null()) return metadata;
    check(entry.is_object(), "\"{}\" should be an object of strings", kSafetensorsMetadata);
    for (const auto& [key, value] : entry.items()) {
      check(value.is_string(), "\"{}\" should hold strings, but \"{}\" is of type {}",
            kSafetensorsMetadata, key, value.type_name());
      metadata.emplace(key, value.get<std::string>());
    }
    return metadata;
  }

  void read_tensor(const std::string& name, const Json& entry, TensorFile& file) {
    check(entry.is_object() && entry.contains("dtype") && entry.contains("shape") &&
              entry.contains("data_offsets"),
          "tensor \"{}\" should have the keys dtype, shape and data_offsets", name);
    check(entry["dtype"].is_string(), "tensor \"{}\" has dtype {}; a string is expected", name,
          entry["dtype"].dump());
    const auto extents = read_numbers(name, "shape", entry["shape"]);
    const auto offsets = read_numbers(name, "data_offsets", entry["data_offsets"]);
    check(offsets.size() == 2 && offsets[0] <= offsets[1],
          "tensor \"{}\": its data_offsets should be a begin and an end", name);
    check(offsets[1] <= data_.size(),
          "tensor \"{}\" should end at byte {} of the data, but the file has {}: is it truncated?",
          name, offsets[1], data_.size());
    regions_.push_back({offsets[0], offsets[1], name});

    const auto dtype = entry["dtype"].get<std::string>();
    const auto stored = find_stored_dtype(dtype);
    const auto pass_over = [&](const std::string& reason) {
      file.unread[name] = fmt::format("{}: tensor \"{}\" {}", path_, name, reason);
    };
    if (!stored) return pass_over(fmt::format("is of dtype {}, which is not read", dtype));
    const uint64_t bytes = offsets[1] - offsets[0];
    check(byte_count(extents, stored->width) == bytes,
          "tensor \"{}\": {} bytes of data do not fit {} {}", name, bytes, dtype,
          entry["shape"].dump());
    if (extents.size() > Shape::kMaxRank)
      return pass_over(
          fmt::format("is of rank {}; {} at most is read", extents.size(), Shape::kMaxRank));
    Tensor tensor(Shape(std::vector<int64_t>(extents.begin(), extents.end())), stored->dtype);
    if (!stored->read(data_.data() + offsets[0], tensor.count(), tensor.mutable_raw()))
      return pass_over(fmt::format("of dtype {} holds a number that i32 does not", dtype));
    file.tensors.emplace(name, std::move(tensor));
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
  static uint64_t byte_count(const std::vector<uint64_t>& extents, uint64_t width) {
    constexpr uint64_t kMost = uint64_t{1} << 62;
    uint64_t bytes = width;
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

}  // namespace

TensorFile load_safetensors(const std::filesystem::path& path) { return Reader(path).read(); }

}  // namespace gradus
