#pragma once

#include <zlib.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "tensor/error.h"

namespace gradus {

/// The type of an element of a MATLAB level-5 file, by the format's number.
enum MatElementType : uint32_t {
  kMatInt8 = 1,
  kMatUint8 = 2,
  kMatInt16 = 3,
  kMatUint16 = 4,
  kMatInt32 = 5,
  kMatUint32 = 6,
  kMatSingle = 7,
  kMatDouble = 9,
  kMatInt64 = 12,
  kMatUint64 = 13,
  kMatMatrix = 14,
  kMatCompressed = 15,
  kMatUtf8 = 16,
  kMatUtf16 = 17,
  kMatUtf32 = 18,
};

/// The bytes of a MATLAB level-5 file's arrays, one array after the other, inflated where they are
/// compressed. What the header, an array's tag or its compression have wrong throws DataError.
class MatStream {
 public:
  /// Reads the header. Messages tell apart a file that is missing and other formats.
  explicit MatStream(const std::filesystem::path& path);
  ~MatStream();

  /// Whether numbers lie with their highest byte in front.
  bool big_endian() const { return big_endian_; }
  /// The array in hand, in words: "the element at byte 128".
  const std::string& what() const { return what_; }
  /// The same from now on: array "X" at byte 128.
  void call(const std::string& name);

  /// Opens the next array; false after the last. What is left of the one before is passed over.
  bool next();
  /// How many bytes of the array were not taken.
  uint64_t left() const { return left_; }
  void take(void* to, uint64_t bytes);
  /// A number of 32 bits.
  uint32_t take_word();
  /// Checks that only padding is left, and that a compressed stream ends with a sound checksum.
  void finish();

  /// Throws DataError that begins with the file's name unless `ok`.
  template <class... Args>
  void check(bool ok, fmt::format_string<Args...> format, Args&&... args) const {
    if (!ok) [[unlikely]]
      throw DataError(path_ + ": " + fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  struct InflateEnd {
    void operator()(z_stream* z) const {
      inflateEnd(z);
      delete z;
    }
  };

  void read_file_header();
  void begin_compressed();
  void inflate_to(Bytef* to, uint64_t bytes);
  void inflate_more();
  void read_raw(void* to, uint64_t bytes);

  std::string path_;
  std::ifstream file_;
  bool big_endian_ = false;
  uint64_t size_ = 0;
  uint64_t next_ = 0;   ///< where in the file the next element begins
  uint64_t start_ = 0;  ///< the same of the one in hand
  std::string what_;
  uint64_t raw_left_ = 0;  ///< its bytes not read from the file
  uint64_t left_ = 0;      ///< its array's bytes not taken
  bool compressed_ = false, stream_ended_ = false;
  std::unique_ptr<z_stream, InflateEnd> inflater_;
  std::array<Bytef, 1 << 16> input_;
};

}  // namespace gradus
