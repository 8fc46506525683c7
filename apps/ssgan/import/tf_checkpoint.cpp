#include "apps/ssgan/import/tf_checkpoint.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>
#include <tuple>

#include "nn/crc32c.h"
#include "tensor/error.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr uint64_t kTableMagic = 0xdb4775248b80fb57;
constexpr size_t kFooterBytes = 48;    // two block handles, padded, and the magic number
constexpr size_t kTrailerBytes = 5;    // of a block: compression, checksum
constexpr size_t kMaxKeyBytes = 1024;  // prefixes are shared: longer keys could take much memory
constexpr uint64_t kMaxShards = 100'000;
constexpr uint64_t kFormatVersion = 1;

/// Takes values off the front of some bytes. Running out of them throws DataError that starts
/// with `where`, which must outlive this.
class Cursor {
 public:
  Cursor(std::string_view bytes, const std::string& where) : rest_(bytes), where_(where) {}

  bool done() const { return rest_.empty(); }

  std::string_view take(uint64_t n) {
    require<DataError>(n <= rest_.size(), "{}: {} bytes expected, but {} are left", where_, n,
                       rest_.size());
    const std::string_view taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }

  template <class T>
  T fixed() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint64_t byte = fixed<uint8_t>();
      require<DataError>(shift < 63 || byte <= 1, "{}: a number of more than 64 bits", where_);
      value |= (byte & 0x7F) << shift;
      if (byte < 0x80) break;
    }
    return value;
  }

 private:
  std::string_view rest_;
  const std::string& where_;
};

/// A field of a protobuf message: `bytes` where it is text or a message, else `number`.
struct Field {
  uint64_t id, number = 0;
  std::string_view bytes = {};
};

void for_each_field(std::string_view message, const std::string& where,
                    const std::function<void(const Field&)>& fn) {
  constexpr uint64_t kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;
  Cursor cursor(message, where);
  while (!cursor.done()) {
    const uint64_t key = cursor.varint(), wire_type = key & 7;
    Field field{key >> 3};
    if (wire_type == kVarint)
      field.number = cursor.varint();
    else if (wire_type == kFixed64)
      field.number = cursor.fixed<uint64_t>();
    else if (wire_type == kFixed32)
      field.number = cursor.fixed<uint32_t>();
    else if (wire_type == kBytes)
      field.bytes = cursor.take(cursor.varint());
    else
      throw DataError(fmt::format("{}: a field of wire type {}", where, wire_type));
    fn(field);
  }
}

/// The sorted table of an index file.
class Table {
 public:
  using Visitor = std::function<void(const std::string& key, std::string_view value)>;

  Table(std::string_view bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  /// All entries in order. The views live as long as the bytes.
  void visit(const Visitor& fn) const {
    require<DataError>(bytes_.size() >= kFooterBytes,
                       "{}: not the index of a TensorFlow checkpoint: {} bytes, its footer alone "
                       "takes {}",
                       path_, bytes_.size(), kFooterBytes);
    Cursor footer(bytes_.substr(bytes_.size() - kFooterBytes), path_);
    Cursor handles(footer.take(kFooterBytes - sizeof(uint64_t)), path_);
    require<DataError>(footer.fixed<uint64_t>() == kTableMagic,
                       "{}: not the index of a TensorFlow checkpoint, or truncated: it does not "
                       "end with the magic number",
                       path_);
    block(handles);  // of meta blocks, for filters; there are none
    std::optional<std::string> last;
    const char* end = bytes_.data();
    visit_block(block(handles), [&](const std::string&, std::string_view handle) {
      Cursor cursor(handle, path_);
      const std::string_view data = block(cursor);
      require<DataError>(data.data() >= end, "{}: its blocks overlap or are out of order", path_);
      end = data.data() + data.size();
      visit_block(data, [&](const std::string& key, std::string_view value) {
        require<DataError>(!last || *last < key, "{}: key \"{}\" comes after \"{}\"", path_, key,
                           last.value_or(""));
        last = key;
        fn(key, value);
      });
    });
  }

 private:
  /// The block of a handle, its checksum verified.
  std::string_view block(Cursor& handle) const {
    const uint64_t offset = handle.varint(), size = handle.varint();
    const uint64_t end = bytes_.size() - kFooterBytes;
    require<DataError>(
        offset <= end && size <= end - offset && kTrailerBytes <= end - offset - size,
        "{}: a block of {} bytes at byte {} does not fit the file", path_, size, offset);
    Cursor trailer(bytes_.substr(offset + size, kTrailerBytes), path_);
    const int compression = trailer.fixed<uint8_t>();
    require<DataError>(trailer.fixed<uint32_t>() == masked_crc32c(bytes_.substr(offset, size + 1)),
                       "{}: the block at byte {} is damaged: its checksum differs", path_, offset);
    require<DataError>(compression == 0,
                       "{}: the block at byte {} is compressed ({}), which is not read", path_,
                       offset, compression == 1 ? "snappy" : std::to_string(compression));
    return bytes_.substr(offset, size);
  }

  /// Entries, then an array of restart points (u32) and their number, which serve binary search.
  void visit_block(std::string_view block, const Visitor& fn) const {
    const std::string where = path_ + ": a block's entries";
    require<DataError>(block.size() >= sizeof(uint32_t), "{}: a block of {} bytes", path_,
                       block.size());
    const uint64_t restarts =
        Cursor(block.substr(block.size() - sizeof(uint32_t)), where).fixed<uint32_t>();
    const uint64_t tail = (restarts + 1) * sizeof(uint32_t);
    require<DataError>(tail <= block.size(), "{}: a block of {} bytes with {} restart points",
                       path_, block.size(), restarts);
    Cursor cursor(block.substr(0, block.size() - tail), where);
    std::string key;
    while (!cursor.done()) {
      const uint64_t shared = cursor.varint(), own = cursor.varint(), size = cursor.varint();
      require<DataError>(shared <= key.size(), "{}: a key shares {} bytes with one of {}", path_,
                         shared, key.size());
      require<DataError>(own <= kMaxKeyBytes - shared, "{}: a key of more than {} bytes", path_,
                         kMaxKeyBytes);
      key.resize(shared);
      key += cursor.take(own);
      fn(key, cursor.take(size));
    }
  }

  std::string_view bytes_;
  const std::string& path_;
};

/// The number of data files.
uint64_t parse_header(std::string_view message, const std::string& path) {
  uint64_t shards = 0, min_consumer = 0;
  for_each_field(message, path + ": header", [&](const Field& f) {
    if (f.id == 1) shards = f.number;
    require<DataError>(f.id != 2 || f.number == 0, "{}: values in big-endian order are not read",
                       path);
    if (f.id == 3)
      for_each_field(f.bytes, path + ": version", [&](const Field& version) {
        if (version.id == 2) min_consumer = version.number;
      });
  });
  require<DataError>(min_consumer <= kFormatVersion,
                     "{}: it needs a reader of version {}; this is one of version {}", path,
                     min_consumer, kFormatVersion);
  require<DataError>(shards >= 1 && shards <= kMaxShards, "{}: {} data files, 1 to {} expected",
                     path, shards, kMaxShards);
  return shards;
}

std::vector<uint64_t> parse_shape(std::string_view message, const std::string& where) {
  std::vector<uint64_t> extents;
  for_each_field(message, where, [&](const Field& f) {
    require<DataError>(f.id != 3 || f.number == 0, "{}: a shape of unknown rank", where);
    if (f.id != 2) return;
    uint64_t extent = 0;
    for_each_field(f.bytes, where, [&](const Field& dim) {
      if (dim.id == 1) extent = dim.number;
    });
    extents.push_back(extent);
  });
  return extents;
}

TfCheckpoint::Variable parse_entry(std::string_view message, const std::string& where) {
  TfCheckpoint::Variable v;
  for_each_field(message, where, [&](const Field& f) {
    if (f.id == 1) v.dtype = f.number;
    if (f.id == 2) v.extents = parse_shape(f.bytes, where);
    if (f.id == 3) v.shard = f.number;
    if (f.id == 4) v.offset = f.number;
    if (f.id == 5) v.size = f.number;
    if (f.id == 6) v.masked_crc = static_cast<uint32_t>(f.number);
    if (f.id == 7) v.sliced = true;
  });
  return v;
}

/// Ours for TensorFlow's number of it.
std::optional<DType> dtype_of(uint64_t number) {
  constexpr std::array kRead{std::pair{1, DType::f32}, std::pair{2, DType::f64},
                             std::pair{3, DType::i32}, std::pair{4, DType::u8}};
  for (const auto& [theirs, ours] : kRead)
    if (static_cast<uint64_t>(theirs) == number) return ours;
  return {};
}

/// All ones where it overflows.
uint64_t byte_count(const std::vector<uint64_t>& extents, DType dtype) {
  constexpr uint64_t kTooMany = std::numeric_limits<uint64_t>::max();
  uint64_t bytes = size_of(dtype);
  for (const uint64_t e : extents)
    if (e > 0 && (__builtin_mul_overflow(bytes, e, &bytes) || bytes > kTooMany / 4))
      return kTooMany;
  return std::ranges::count(extents, 0u) > 0 ? 0 : bytes;
}

std::string_view text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TfCheckpoint::TfCheckpoint(const std::filesystem::path& prefix) : prefix_(prefix.string()) {
  const std::string path = prefix_ + ".index";
  const std::vector<std::byte> index = read_file(path);
  std::optional<uint64_t> shards;
  using ByteRange = std::tuple<uint64_t, uint64_t, uint64_t, std::string_view>;
  std::vector<ByteRange> ranges;  // shard, offset, end, name
  Table(text_of(index), path).visit([&](const std::string& name, std::string_view value) {
    if (!shards) {
      require<DataError>(name.empty(), "{}: the first key is \"{}\", not that of the header", path,
                         name);
      shards = parse_header(value, path);
      return;
    }
    const std::string where = fmt::format("{}: variable {}", path, name);
    const auto it = variables_.emplace(name, parse_entry(value, where)).first;
    const Variable& v = it->second;
    if (v.sliced) return;
    require<DataError>(v.shard < *shards, "{}: in data file {} of {}", where, v.shard, *shards);
    if (!shards_.contains(v.shard))
      shards_[v.shard] =
          read_file(fmt::format("{}.data-{:05}-of-{:05}", prefix_, v.shard, *shards));
    const uint64_t end = shards_[v.shard].size();
    require<DataError>(v.offset <= end && v.size <= end - v.offset,
                       "{}: {} bytes at byte {} of a data file of {}: is it truncated?", where,
                       v.size, v.offset, end);
    ranges.emplace_back(v.shard, v.offset, v.offset + v.size, it->first);
  });
  require<DataError>(shards.has_value(), "{}: an empty table", path);
  std::ranges::sort(ranges);
  for (size_t i = 1; i < ranges.size(); ++i) {
    const auto& [shard, begin, end, name] = ranges[i - 1];
    const auto& [next_shard, next_begin, next_end, next_name] = ranges[i];
    require<DataError>(shard != next_shard || end <= next_begin,
                       "{}: variables {} and {} overlap in the data file", path, name, next_name);
  }
}

Tensor TfCheckpoint::read(const std::string& name) const {
  const auto it = variables_.find(name);
  require<DataError>(it != variables_.end(), "{}: no variable {}", prefix_, name);
  const Variable& v = it->second;
  require<DataError>(!v.sliced, "{}: variable {} is partitioned, which is not read", prefix_, name);
  const std::optional<DType> dtype = dtype_of(v.dtype);
  require<DataError>(dtype.has_value(),
                     "{}: variable {} is of TensorFlow's type {}; float (1), double (2), int32 (3) "
                     "and uint8 (4) are read",
                     prefix_, name, v.dtype);
  require<DataError>(v.extents.size() <= Shape::kMaxRank, "{}: variable {} has rank {}, at most {}",
                     prefix_, name, v.extents.size(), Shape::kMaxRank);
  require<DataError>(byte_count(v.extents, *dtype) == v.size,
                     "{}: variable {}: {} bytes do not fit its shape", prefix_, name, v.size);
  const std::string_view bytes = text_of(shards_.at(v.shard)).substr(v.offset, v.size);
  require<DataError>(masked_crc32c(bytes) == v.masked_crc,
                     "{}: variable {} is damaged: its checksum differs", prefix_, name);
  Tensor tensor(Shape(std::vector<int64_t>(v.extents.begin(), v.extents.end())), *dtype);
  if (!bytes.empty()) std::memcpy(tensor.mutable_raw(), bytes.data(), bytes.size());
  return tensor;
}

}  // namespace gradus::ssgan
