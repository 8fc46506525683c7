#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gradus {

/// The class of an array, by the format's number; `other` for cells, structures, text and the like.
enum class MatClass : uint8_t { other = 0, f64 = 6, f32, i8, u8, i16, u16, i32, u32, i64, u64 };

/// "u8", as messages have it.
const char* name(MatClass kind);

/// What precedes the values of an array in the file.
struct MatArray {
  std::string name;
  MatClass kind = MatClass::other;
  std::vector<int64_t> dims;  ///< at least two, but none for MatClass::other
  bool complex = false;
  bool stored_as_bytes =
      false;  ///< its values are unsigned bytes in the file, whatever their class

  /// Of the values; 0 for MatClass::other.
  int64_t count() const;
  /// "u8 [32, 32, 3, 10]".
  std::string describe() const;
};

/// A pass over the arrays of a MATLAB level-5 file (MathWorks, "MAT-File Format", chapter 1),
/// compressed or not, of either order of bytes. Arrays that are not asked for, of whatever class,
/// are passed over. Values are inflated straight to where the caller wants them, so an array
/// larger than half of the memory can be read. Nothing in the file is believed: counts, types,
/// dimensions and sizes are checked before use, and memory is claimed only for what the file can
/// hold. Whatever is wrong throws DataError that names the file and the byte.
class MatReader {
 public:
  /// Reads the header. Messages tell apart a file that is missing, a web page, and other formats
  /// (level 4, 7.3, text, archives).
  explicit MatReader(const std::filesystem::path& path);
  ~MatReader();

  /// The next array; none after the last. Values not yet read are skipped unseen.
  std::optional<MatArray> next();

  /// The array's next values, in column-major order. With its last value the array's checksum and
  /// length are checked. Throws DataError for more than are left and unless they are stored as
  /// unsigned bytes, and for complex numbers.
  void read(std::span<uint8_t> values);
  /// The same from any class of real numbers, however stored.
  void read(std::span<double> values);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gradus
