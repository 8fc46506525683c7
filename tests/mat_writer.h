#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace gradus {

// Makes MATLAB level-5 files, sound and broken ones.

inline std::string u32(uint32_t v) { return {reinterpret_cast<const char*>(&v), sizeof(v)}; }

template <class T>
std::string raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

inline std::string element(uint32_t type, std::string data) {
  const auto bytes = static_cast<uint32_t>(data.size());
  data.resize((data.size() + 7) / 8 * 8);
  return u32(type) + u32(bytes) + data;
}

inline std::string small_element(uint32_t type, std::string data) {
  const auto bytes = static_cast<uint32_t>(data.size());
  data.resize(4);
  return u32(bytes << 16 | type) + data;
}

/// Each group of `width` bytes in the opposite order.
inline std::string swapped(std::string data, size_t width) {
  for (size_t i = 0; i + width <= data.size(); i += width)
    std::reverse(data.begin() + static_cast<long>(i), data.begin() + static_cast<long>(i + width));
  return data;
}

inline std::string deflated(const std::string& s) {
  uLongf size = compressBound(s.size());
  std::string out(size, '\0');
  compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(s.data()),
           s.size());
  out.resize(size);
  return out;
}

/// An array as a file has it. What a test leaves alone makes it sound.
struct MatWriter {
  std::string name;
  std::vector<int32_t> dims;
  std::string data;
  uint32_t kind = 9, type = 2;
  std::string values = {};  ///< the element of the values, where it is not made of type and data
  std::string flags = {};   ///< the same of the flags
  uint32_t dims_type = 5, name_type = 1;

  std::string content() const {
    const std::string flags_element = flags.empty() ? element(6, u32(kind) + u32(0)) : flags;
    const std::string name_element =
        name.size() <= 4 ? small_element(name_type, name) : element(name_type, name);
    return flags_element + element(dims_type, raw(dims)) + name_element +
           (values.empty() ? element(type, data) : values);
  }
  std::string plain() const { return element(14, content()); }
  std::string compressed() const { return compressed_of(plain()); }
  static std::string compressed_of(const std::string& inflated) {
    const std::string bytes = deflated(inflated);
    return u32(15) + u32(static_cast<uint32_t>(bytes.size())) + bytes;
  }
  /// The plain array of a big-endian file, whose values have `width` bytes each.
  std::string big_endian(size_t width) const {
    const auto put = [](uint32_t element_type, const std::string& bytes, size_t w) {
      const auto size = static_cast<uint32_t>(bytes.size());
      if (size > 0 && size <= 4) {
        std::string small = swapped(bytes, w);
        small.resize(4);
        return swapped(u32(size << 16 | element_type), 4) + small;
      }
      return swapped(u32(element_type) + u32(size), 4) + swapped(element(0, bytes).substr(8), w);
    };
    return put(14,
               put(6, u32(kind) + u32(0), 4) + put(dims_type, raw(dims), 4) +
                   put(name_type, name, 1) + put(type, data, width),
               1);
  }
};

inline std::string mat(const std::string& elements,
                       const std::string& tail = std::string("\0\1IM", 4)) {
  std::string header = "MATLAB 5.0 MAT-file, made by a test";
  header.resize(116, ' ');
  header.resize(124);
  return header + tail + elements;
}

}  // namespace gradus
