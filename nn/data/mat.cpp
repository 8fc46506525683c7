#include "nn/data/mat.h"

#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fstream>

#include "tensor/error.h"

namespace gradus {
namespace {

static_assert(std::endian::native == std::endian::little, "read as little-endian files");

constexpr uint64_t kHeaderBytes = 128;
constexpr uint64_t kTagBytes = 8;
constexpr uint64_t kMaxDims = 32;
constexpr uint64_t kMaxNameBytes = 63;
/// Deflate cannot shrink by more than 1032 (zlib.net, "zlib technical details").
constexpr uint64_t kMaxRatio = 1032;
constexpr uint32_t kComplexFlag = 0x0800;

enum ElementType : uint32_t {
  kInt8 = 1,
  kUint8 = 2,
  kInt16 = 3,
  kUint16 = 4,
  kInt32 = 5,
  kUint32 = 6,
  kSingle = 7,
  kDouble = 9,
  kInt64 = 12,
  kUint64 = 13,
  kMatrix = 14,
  kCompressed = 15,
};

/// Calls fn with a value of the C++ type that holds such elements; false for other types.
template <class Fn>
bool visit_type(uint32_t type, Fn&& fn) {
  switch (type) {
    case kInt8:
      return fn(int8_t{}), true;
    case kUint8:
      return fn(uint8_t{}), true;
    case kInt16:
      return fn(int16_t{}), true;
    case kUint16:
      return fn(uint16_t{}), true;
    case kInt32:
      return fn(int32_t{}), true;
    case kUint32:
      return fn(uint32_t{}), true;
    case kSingle:
      return fn(float{}), true;
    case kDouble:
      return fn(double{}), true;
    case kInt64:
      return fn(int64_t{}), true;
    case kUint64:
      return fn(uint64_t{}), true;
    default:
      return false;
  }
}

/// 0 for what is not a number.
uint64_t width_of(uint32_t type) {
  uint64_t width = 0;
  visit_type(type, [&](auto value) { width = sizeof(value); });
  return width;
}

uint64_t padding_after(uint64_t bytes, uint64_t unit) { return (unit - bytes % unit) % unit; }

struct InflateEnd {
  void operator()(z_stream* z) const {
    inflateEnd(z);
    delete z;
  }
};
using Inflater = std::unique_ptr<z_stream, InflateEnd>;

Inflater make_inflater() {
  auto z = std::make_unique<z_stream>();
  if (inflateInit(z.get()) != Z_OK) throw std::bad_alloc();
  return Inflater(z.release());
}

}  // namespace

const char* name(MatClass kind) {
  constexpr std::array kNames{"f64", "f32", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"};
  return kind == MatClass::other ? "not numeric" : kNames[static_cast<size_t>(kind) - size_t{6}];
}

int64_t MatArray::count() const {
  int64_t n = dims.empty() ? 0 : 1;
  for (const int64_t d : dims) n *= d;
  return n;
}

std::string MatArray::describe() const {
  return fmt::format("{} [{}]", gradus::name(kind), fmt::join(dims, ", "));
}

class MatReader::Impl {
 public:
  explicit Impl(const std::filesystem::path& path) : path_(path.string()) {
    std::error_code error;
    check(std::filesystem::exists(path, error), "no such file");
    check(std::filesystem::is_regular_file(path, error), "not a file");
    size_ = std::filesystem::file_size(path, error);
    file_.open(path, std::ios::binary);
    check(!error && file_.is_open(), "cannot be opened for reading");
    read_file_header();
  }

  std::optional<MatArray> next() {
    values_left_ = 0;
    type_ = 0;
    if (next_element_ == size_) return std::nullopt;
    begin_element();
    return begin_array();
  }

  void read(std::span<uint8_t> values) {
    check(values.size() <= values_left_, "{} has {} more values, not {}", what_, values_left_,
          values.size());
    check(values.empty() || type_ == kUint8,
          "{} is not stored as unsigned bytes but as element type {}", what_, type_);
    take_values(values.size(), values.data());
  }

  void read(std::span<double> values) {
    check(values.size() <= values_left_, "{} has {} more values, not {}", what_, values_left_,
          values.size());
    visit_type(type_, [&]<class T>(T) {
      std::array<T, 1024> buffer;
      while (!values.empty()) {
        const size_t n = std::min(values.size(), buffer.size());
        take_values(n, buffer.data());
        std::ranges::copy(std::span(buffer).first(n), values.begin());
        values = values.subspan(n);
      }
    });
  }

 private:
  template <class... Args>
  void check(bool ok, fmt::format_string<Args...> format, Args&&... args) const {
    if (!ok) [[unlikely]]
      throw DataError(path_ + ": " + fmt::format(format, std::forward<Args>(args)...));
  }

  void read_file_header() {
    std::array<char, kHeaderBytes> header{};
    const uint64_t bytes = std::min(size_, kHeaderBytes);
    read_raw(header.data(), bytes);
    const std::string_view text(header.data(), bytes);
    const size_t first = text.find_first_not_of(" \t\r\n");
    check(first == std::string_view::npos || text[first] != '<',
          "not a MAT file: it looks like an HTML page: was the download redirected?");
    check(size_ > 0, "not a MAT file: it is empty");
    check(size_ >= kHeaderBytes || text.starts_with("MATLAB"), "not a MAT file");
    check(size_ >= kHeaderBytes,
          "truncated: it ends at byte {} within the file's header of {} bytes: was a download "
          "interrupted?",
          size_, kHeaderBytes);
    check(!text.starts_with("MATLAB 7.3") && text.substr(1, 3) != "HDF",
          "a MAT file of version 7.3 (HDF5); save it again with -v7");
    const std::string_view order = text.substr(126, 2);
    check(order != "MI", "a big-endian MAT file; little-endian ones are read");
    uint16_t version = 0;
    std::memcpy(&version, header.data() + 124, sizeof(version));
    check(order == "IM" && version == 0x0100,
          "not a MAT file of level 5: its header should end with version 0x0100 and \"IM\"");
    next_element_ = kHeaderBytes;
  }

  /// Opens the element at next_element_ and makes sure that the file holds all of it.
  void begin_element() {
    start_ = next_element_;
    inflater_.reset();
    check(size_ - start_ >= kTagBytes,
          "truncated: it ends at byte {} within the tag of the element at byte {}: was a download "
          "interrupted?",
          size_, start_);
    file_.seekg(static_cast<std::streamoff>(start_));
    std::array<uint32_t, 2> tag{};
    read_raw(tag.data(), kTagBytes);
    what_ = fmt::format("the element at byte {}", start_);
    check(tag[0] == kMatrix || tag[0] == kCompressed,
          "{} is of type {}; an array (14) or a compressed one (15) is expected", what_, tag[0]);
    raw_left_ = tag[1];
    check(raw_left_ <= size_ - start_ - kTagBytes,
          "truncated: it ends at byte {}, but {} reaches to byte {}: was a download interrupted?",
          size_, what_, start_ + kTagBytes + raw_left_);
    next_element_ = start_ + kTagBytes + raw_left_;
    array_left_ = raw_left_;
    if (tag[0] == kMatrix) {
      next_element_ = std::min(size_, next_element_ + padding_after(tag[1], kTagBytes));
    } else {
      begin_compressed(tag[1]);
    }
  }

  void begin_compressed(uint64_t compressed_bytes) {
    inflater_ = make_inflater();
    stream_ended_ = false;
    std::array<uint32_t, 2> tag{};
    array_left_ = kTagBytes;
    take(tag.data(), kTagBytes);
    check(tag[0] == kMatrix, "{} holds type {} in compressed form; an array (14) is expected",
          what_, tag[0]);
    check(tag[1] <= kMaxRatio * compressed_bytes,
          "{} announces {} bytes, more than its {} compressed ones can hold", what_, tag[1],
          compressed_bytes);
    array_left_ = tag[1];
  }

  /// Reads flags, dimensions, name and the tag of the values.
  MatArray begin_array() {
    MatArray array;
    const auto flags = take_element<uint32_t>(kUint32, "flags", 2);
    check(flags.size() == 2, "{}: its flags should be two numbers, not {}", what_, flags.size());
    const uint32_t kind = flags[0] & 0xff;
    constexpr auto kFirst = static_cast<uint32_t>(MatClass::f64);
    constexpr auto kLast = static_cast<uint32_t>(MatClass::u64);
    if (kind < kFirst || kind > kLast) return array;
    array.kind = static_cast<MatClass>(kind);

    const auto dims = take_element<int32_t>(kInt32, "dimensions", kMaxDims);
    check(dims.size() >= 2, "{}: an array has two dimensions or more, not {}", what_, dims.size());
    array.dims.assign(dims.begin(), dims.end());

    const auto letters = take_element<char>(kInt8, "name", kMaxNameBytes);
    array.name.assign(letters.begin(), letters.end());
    const auto in_name = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    check(std::ranges::all_of(array.name, in_name),
          "{}: its name is not made of letters, digits and underscores", what_);
    what_ = fmt::format("array \"{}\" at byte {}", array.name, start_);
    check((flags[0] & kComplexFlag) == 0, "{} is complex; real numbers are read", what_);
    begin_values(array);
    return array;
  }

  void begin_values(const MatArray& array) {
    int64_t count = 1;
    for (const int64_t d : array.dims)
      check(d >= 0 && !__builtin_mul_overflow(count, d, &count),
            "{}: dimensions [{}] are out of range", what_, fmt::join(array.dims, ", "));
    const Tag tag = take_tag();
    const uint64_t width = width_of(tag.type);
    check(width > 0, "{}: its values are of element type {}, which is no number", what_, tag.type);
    check(tag.bytes % width == 0 && tag.bytes / width == static_cast<uint64_t>(count),
          "{}: {} bytes of element type {} do not fill the dimensions [{}]", what_, tag.bytes,
          tag.type, fmt::join(array.dims, ", "));
    check(tag.bytes <= array_left_, "{}: its values run past its end", what_);
    type_ = tag.type;
    values_left_ = static_cast<uint64_t>(count);
  }

  /// An element's type and length. The small form has both in one word and is padded to 4 bytes.
  struct Tag {
    uint32_t type;
    uint64_t bytes;
    uint64_t padding;
  };

  Tag take_tag() {
    uint32_t word = 0;
    take(&word, sizeof(word));
    if (const uint32_t small = word >> 16; small != 0) {
      check(small <= 4, "{}: a small element of {} bytes; at most 4 fit", what_, small);
      return {word & 0xffff, small, padding_after(small, 4)};
    }
    uint32_t bytes = 0;
    take(&bytes, sizeof(bytes));
    return {word, bytes, padding_after(bytes, kTagBytes)};
  }

  template <class T>
  std::vector<T> take_element(uint32_t type, const char* part, uint64_t max_count) {
    const Tag tag = take_tag();
    check(tag.type == type, "{}: its {} should be of element type {}, not {}", what_, part, type,
          tag.type);
    check(tag.bytes % sizeof(T) == 0 && tag.bytes / sizeof(T) <= max_count,
          "{}: {} bytes of {}, at most {} are expected", what_, tag.bytes, part,
          max_count * sizeof(T));
    std::vector<T> values(tag.bytes / sizeof(T));
    take(values.data(), tag.bytes);
    std::array<char, kTagBytes> padding{};
    take(padding.data(), tag.padding);
    return values;
  }

  template <class T>
  void take_values(uint64_t count, T* values) {
    if (count == 0) return;
    take(values, count * sizeof(T));
    values_left_ -= count;
    if (values_left_ == 0) finish_array();
  }

  /// The next bytes of the array.
  void take(void* to, uint64_t bytes) {
    check(bytes <= array_left_, "{} ends in the middle of its content", what_);
    array_left_ -= bytes;
    if (inflater_) {
      inflate_to(static_cast<Bytef*>(to), bytes);
    } else {
      read_raw(to, bytes);
      raw_left_ -= bytes;
    }
  }

  void inflate_to(Bytef* to, uint64_t bytes) {
    z_stream& z = *inflater_;
    z.next_out = to;
    z.avail_out = static_cast<uInt>(bytes);  // no array has more than 32 bits tell
    while (z.avail_out > 0) {
      check(!stream_ended_, "{}: its compressed data ends {} bytes early", what_,
            array_left_ + z.avail_out);
      inflate_more();
    }
  }

  void inflate_more() {
    z_stream& z = *inflater_;
    if (z.avail_in == 0 && raw_left_ > 0) {
      const uint64_t n = std::min<uint64_t>(raw_left_, input_.size());
      read_raw(input_.data(), n);
      raw_left_ -= n;
      z.next_in = input_.data();
      z.avail_in = static_cast<uInt>(n);
    }
    const int status = inflate(&z, Z_NO_FLUSH);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    check(status == Z_OK || status == Z_STREAM_END, "{}: its compressed data is damaged: {}", what_,
          z.msg ? z.msg : "it ends early");
    stream_ended_ = status == Z_STREAM_END;
  }

  /// Only padding may follow the values, and the compressed stream ends with a sound checksum.
  void finish_array() {
    check(array_left_ < kTagBytes, "{}: {} bytes follow its values", what_, array_left_);
    std::array<Bytef, kTagBytes> rest{};
    take(rest.data(), array_left_);
    if (!inflater_) return;
    z_stream& z = *inflater_;
    z.next_out = rest.data();
    z.avail_out = 1;
    while (!stream_ended_ && z.avail_out > 0) inflate_more();
    check(z.avail_out > 0, "{}: its compressed data is longer than announced", what_);
    check(raw_left_ + z.avail_in == 0, "{}: {} bytes follow its compressed data", what_,
          raw_left_ + z.avail_in);
  }

  void read_raw(void* to, uint64_t bytes) {
    file_.read(static_cast<char*>(to), static_cast<std::streamsize>(bytes));
    check(static_cast<uint64_t>(file_.gcount()) == bytes, "cannot be read to its end");
  }

  std::string path_;
  std::ifstream file_;
  uint64_t size_ = 0;
  uint64_t next_element_ = 0;  ///< its place in the file
  uint64_t start_ = 0;         ///< that of the element in hand
  std::string what_;           ///< the same in words, for messages
  uint64_t raw_left_ = 0;      ///< bytes of it not read from the file
  uint64_t array_left_ = 0;    ///< bytes of its array not handed out
  uint32_t type_ = 0;          ///< of the values
  uint64_t values_left_ = 0;
  Inflater inflater_;  ///< where the element is compressed
  bool stream_ended_ = false;
  std::array<Bytef, 1 << 16> input_;
};

MatReader::MatReader(const std::filesystem::path& path) : impl_(std::make_unique<Impl>(path)) {}
MatReader::~MatReader() = default;

std::optional<MatArray> MatReader::next() { return impl_->next(); }
void MatReader::read(std::span<uint8_t> values) { impl_->read(values); }
void MatReader::read(std::span<double> values) { impl_->read(values); }

}  // namespace gradus
