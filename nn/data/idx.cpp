#include "nn/data/idx.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "nn/data/deflate.h"
#include "nn/data/md5.h"
#include "tensor/error.h"

namespace gradus {
namespace {

constexpr uint8_t kUnsignedBytes = 0x08;

/// A file's bytes, inflated where gzip compressed them.
class Bytes {
 public:
  explicit Bytes(const std::filesystem::path& path)
      : name_(path.string()), file_(gzopen(path.c_str(), "rb")) {
    require<DataError>(file_ != nullptr, "{}: cannot be read: {}", name_, std::strerror(errno));
    std::error_code error;
    const uint64_t size = std::filesystem::file_size(path, error);
    require<DataError>(!error, "{}: cannot be read: {}", name_, error.message());
    most_ = gzdirect(file_.get()) ? size : size * kMaxDeflateRatio;
  }

  /// No file of this size can hold more.
  uint64_t most() const { return most_; }
  std::string md5() { return md5_.finish(); }

  /// How many of `bytes` there were before the end.
  size_t read(std::span<std::byte> bytes) {
    constexpr size_t kPiece = 1 << 20;
    size_t filled = 0;
    while (filled < bytes.size()) {
      const auto piece = bytes.subspan(filled, std::min(kPiece, bytes.size() - filled));
      const int n = gzread(file_.get(), piece.data(), static_cast<unsigned>(piece.size()));
      int status = Z_OK;
      const char* message = gzerror(file_.get(), &status);
      require<DataError>(status != Z_BUF_ERROR, "{}: truncated: the compressed data breaks off",
                         name_);
      require<DataError>(n >= 0, "{}: damaged: {}", name_,
                         status == Z_ERRNO ? std::strerror(errno) : message);
      if (n == 0) break;
      md5_.add(piece.first(static_cast<size_t>(n)));
      filled += static_cast<size_t>(n);
    }
    return filled;
  }

 private:
  std::string name_;
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  std::unique_ptr<gzFile_s, Close> file_;
  uint64_t most_ = 0;
  Md5 md5_;
};

uint32_t big_endian(const std::byte* b) {
  return std::to_integer<uint32_t>(b[0]) << 24 | std::to_integer<uint32_t>(b[1]) << 16 |
         std::to_integer<uint32_t>(b[2]) << 8 | std::to_integer<uint32_t>(b[3]);
}

}  // namespace

IdxFile read_idx(const std::filesystem::path& path, int rank) {
  const std::string name = path.string();
  Bytes bytes(path);
  std::array<std::byte, 4> magic{};
  const size_t n = bytes.read(magic);
  require<DataError>(n > 0, "{}: it is empty", name);
  require<DataError>(n == magic.size() && magic[0] == std::byte{0} && magic[1] == std::byte{0},
                     "{}: not an IDX file, which begins with two zero bytes", name);
  const int type = std::to_integer<int>(magic[2]), axes = std::to_integer<int>(magic[3]);
  require<DataError>(type == kUnsignedBytes && axes == rank,
                     "{}: values of type 0x{:02x} with {} axes; unsigned bytes (0x08) with {} "
                     "expected",
                     name, type, axes, rank);

  std::vector<std::byte> sizes(4 * static_cast<size_t>(rank));
  require<DataError>(bytes.read(sizes) == sizes.size(), "{}: truncated within its header", name);
  std::vector<int64_t> extents;
  uint64_t count = 1;
  for (int i = 0; i < rank; ++i) {
    const uint32_t size = big_endian(&sizes[4 * static_cast<size_t>(i)]);
    require<DataError>(size > 0 && size <= uint32_t{std::numeric_limits<int32_t>::max()},
                       "{}: axis {} has the size {}", name, i, size);
    require<DataError>(count <= bytes.most() / size,
                       "{}: damaged or truncated: it announces more values than a file of its size "
                       "can hold",
                       name);
    count *= size;
    extents.push_back(size);
  }

  IdxFile file{Tensor(Shape(extents), DType::u8), {}};
  const auto values = std::as_writable_bytes(file.values.mutable_span<uint8_t>());
  const size_t came = bytes.read(values);
  require<DataError>(came == values.size(), "{}: truncated: {} of {} values are there", name, came,
                     values.size());
  std::array<std::byte, 1> more{};
  require<DataError>(bytes.read(more) == 0, "{}: bytes follow its {} values", name, values.size());
  file.md5 = bytes.md5();
  return file;
}

}  // namespace gradus
