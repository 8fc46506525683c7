#include "nn/data/mat.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "nn/data/mat_stream.h"

namespace gradus {
namespace {

constexpr uint64_t kMaxDims = 32;
constexpr uint64_t kMaxNameLetters = 63;
constexpr uint32_t kComplexFlag = 0x0800;
/// The class of MATLAB's newer objects, which have no dimensions.
constexpr uint32_t kOpaqueClass = 17;

/// Calls fn with a value of the C++ type that holds such elements; false for other types.
template <class Fn>
bool visit_type(uint32_t type, Fn&& fn) {
  switch (type) {
    case kMatInt8:
      return fn(int8_t{}), true;
    case kMatUint8:
      return fn(uint8_t{}), true;
    case kMatInt16:
      return fn(int16_t{}), true;
    case kMatUint16:
      return fn(uint16_t{}), true;
    case kMatInt32:
      return fn(int32_t{}), true;
    case kMatUint32:
      return fn(uint32_t{}), true;
    case kMatSingle:
      return fn(float{}), true;
    case kMatDouble:
      return fn(double{}), true;
    case kMatInt64:
      return fn(int64_t{}), true;
    case kMatUint64:
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

/// False where there is no such character.
bool append_utf8(std::string& text, uint32_t code) {
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
  if (code < 0x80) return text += static_cast<char>(code), true;
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;  // bytes of 6 bits
  constexpr std::array kFirst{0, 0xc0, 0xe0, 0xf0};
  text += static_cast<char>(kFirst[more] | code >> 6 * more);
  for (int i = more - 1; i >= 0; --i) text += static_cast<char>(0x80 | (code >> 6 * i & 0x3f));
  return true;
}

template <class T>
void swap_bytes(std::span<T> values) {
  for (T& value : values) {
    std::array<std::byte, sizeof(T)> bytes;
    std::memcpy(bytes.data(), &value, sizeof(T));
    std::ranges::reverse(bytes);
    std::memcpy(&value, bytes.data(), sizeof(T));
  }
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
  if (kind == MatClass::other) return gradus::name(kind);
  return fmt::format("{}{} [{}]", complex ? "complex " : "", gradus::name(kind),
                     fmt::join(dims, ", "));
}

class MatReader::Impl {
 public:
  explicit Impl(const std::filesystem::path& path) : stream_(path) {}

  std::optional<MatArray> next() {
    values_left_ = 0;
    type_ = 0;
    if (!stream_.next()) return std::nullopt;
    return begin_array();
  }

  void read(std::span<uint8_t> values) {
    check_read(values.size());
    stream_.check(values.empty() || type_ == kMatUint8,
                  "{} is not stored as unsigned bytes but as element type {}", what(), type_);
    take_values(values);
  }

  void read(std::span<double> values) {
    check_read(values.size());
    visit_type(type_, [&]<class T>(T) {
      std::array<T, 1024> buffer;
      while (!values.empty()) {
        const auto part = std::span(buffer).first(std::min(values.size(), buffer.size()));
        take_values(part);
        std::ranges::copy(part, values.begin());
        values = values.subspan(part.size());
      }
    });
  }

 private:
  const std::string& what() const { return stream_.what(); }

  void check_read(uint64_t count) const {
    stream_.check(!complex_ || count == 0, "{} is complex; real numbers are read", what());
    stream_.check(count <= values_left_, "{} has {} more values, not {}", what(), values_left_,
                  count);
  }

  /// Reads flags, dimensions, name and, of an array of numbers, the tag of the values.
  MatArray begin_array() {
    MatArray array;
    const auto flags = take_element<uint32_t>("flags", 2, {kMatUint32});
    stream_.check(flags.size() == 2, "{}: its flags should be two numbers, not {}", what(),
                  flags.size());
    const uint32_t kind = flags[0] & 0xff;
    constexpr auto kFirst = static_cast<uint32_t>(MatClass::f64);
    constexpr auto kLast = static_cast<uint32_t>(MatClass::u64);
    if (kind >= kFirst && kind <= kLast) array.kind = static_cast<MatClass>(kind);
    if (kind != kOpaqueClass) {
      const auto dims = take_element<int32_t>("dimensions", kMaxDims, {kMatInt32, kMatUint32});
      stream_.check(dims.size() >= 2, "{}: an array has two dimensions or more, not {}", what(),
                    dims.size());
      if (array.kind != MatClass::other) array.dims.assign(dims.begin(), dims.end());
    }
    array.name = take_name();
    stream_.check(
        std::ranges::none_of(array.name, [](unsigned char c) { return c < ' ' || c == 0x7f; }),
        "{}: its name should be made of letters, digits and underscores, but it has "
        "control characters",
        what());
    stream_.call(array.name);
    complex_ = array.complex = (flags[0] & kComplexFlag) != 0;
    if (array.kind != MatClass::other) begin_values(array);
    return array;
  }

  void begin_values(MatArray& array) {
    int64_t count = 1;
    for (const int64_t d : array.dims)
      stream_.check(d >= 0 && !__builtin_mul_overflow(count, d, &count),
                    "{}: dimensions [{}] are out of range", what(), fmt::join(array.dims, ", "));
    const Tag tag = take_tag();
    const uint64_t width = width_of(tag.type);
    stream_.check(width > 0, "{}: its values are of element type {}, which is no number", what(),
                  tag.type);
    stream_.check(tag.bytes % width == 0 && tag.bytes / width == static_cast<uint64_t>(count),
                  "{}: {} bytes of element type {} do not fill the dimensions [{}]", what(),
                  tag.bytes, tag.type, fmt::join(array.dims, ", "));
    stream_.check(tag.bytes <= stream_.left(), "{}: its values run past its end", what());
    type_ = tag.type;
    array.stored_as_bytes = tag.type == kMatUint8;
    values_left_ = static_cast<uint64_t>(count);
  }

  /// An element's type and length. The small form has both in one word and is padded to 4 bytes.
  struct Tag {
    uint32_t type;
    uint64_t bytes;
    uint64_t padding;
  };

  Tag take_tag() {
    const uint32_t word = stream_.take_word();
    if (const uint32_t small = word >> 16; small != 0) {
      stream_.check(small <= 4, "{}: a small element of {} bytes; at most 4 fit", what(), small);
      return {word & 0xffff, small, padding_after(small, 4)};
    }
    const uint32_t bytes = stream_.take_word();
    return {word, bytes, padding_after(bytes, 8)};
  }

  /// In UTF-8.
  std::string take_name() {
    const Tag tag = take_tag();
    if (tag.type != kMatUtf16 && tag.type != kMatUtf32) {
      check_type("name", tag, {kMatInt8, kMatUint8, kMatUtf8, kMatUtf16, kMatUtf32});
      const auto bytes = take_items<char>("name", kMaxNameLetters, tag);
      return {bytes.begin(), bytes.end()};
    }
    std::string name;
    uint32_t high = 0;  // of a pair of UTF-16
    const auto add = [&](uint32_t code) {
      const bool is_low = tag.type == kMatUtf16 && code >= 0xdc00 && code < 0xe000;
      stream_.check(is_low == (high != 0), "{}: its name is no sound UTF-16", what());
      if (is_low) code = 0x10000 + ((high - 0xd800) << 10) + (code - 0xdc00);
      high = tag.type == kMatUtf16 && code >= 0xd800 && code < 0xdc00 ? code : 0;
      if (high == 0)
        stream_.check(append_utf8(name, code), "{}: its name has no character {:#x}", what(), code);
    };
    if (tag.type == kMatUtf16)
      for (const uint16_t code : take_items<uint16_t>("name", kMaxNameLetters, tag)) add(code);
    else
      for (const uint32_t code : take_items<uint32_t>("name", kMaxNameLetters, tag)) add(code);
    stream_.check(high == 0, "{}: its name is no sound UTF-16", what());
    return name;
  }

  void check_type(const char* part, const Tag& tag, std::initializer_list<uint32_t> types) const {
    stream_.check(std::ranges::count(types, tag.type) > 0,
                  "{}: its {} should be of element type {}, not {}", what(), part,
                  fmt::join(types, " or "), tag.type);
  }

  template <class T>
  std::vector<T> take_element(const char* part, uint64_t max_count,
                              std::initializer_list<uint32_t> types) {
    const Tag tag = take_tag();
    check_type(part, tag, types);
    return take_items<T>(part, max_count, tag);
  }

  /// What stands behind the tag, and its padding.
  template <class T>
  std::vector<T> take_items(const char* part, uint64_t max_count, const Tag& tag) {
    stream_.check(tag.bytes % sizeof(T) == 0 && tag.bytes / sizeof(T) <= max_count,
                  "{}: {} bytes of {}, at most {} are expected", what(), tag.bytes, part,
                  max_count * sizeof(T));
    std::vector<T> values(tag.bytes / sizeof(T));
    stream_.take(values.data(), tag.bytes);
    if (stream_.big_endian()) swap_bytes(std::span(values));
    std::array<char, 8> padding{};
    stream_.take(padding.data(), tag.padding);
    return values;
  }

  template <class T>
  void take_values(std::span<T> values) {
    if (values.empty()) return;
    stream_.take(values.data(), values.size_bytes());
    if (stream_.big_endian()) swap_bytes(values);
    values_left_ -= values.size();
    if (values_left_ == 0) stream_.finish();
  }

  MatStream stream_;
  bool complex_ = false;
  uint32_t type_ = 0;  ///< of the values
  uint64_t values_left_ = 0;
};

MatReader::MatReader(const std::filesystem::path& path) : impl_(std::make_unique<Impl>(path)) {}
MatReader::~MatReader() = default;

std::optional<MatArray> MatReader::next() { return impl_->next(); }
void MatReader::read(std::span<uint8_t> values) { impl_->read(values); }
void MatReader::read(std::span<double> values) { impl_->read(values); }

}  // namespace gradus
