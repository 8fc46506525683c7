#pragma once

#include <zlib.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/temp_dir.h"

namespace gradus {

/// The bytes of an IDX file of unsigned bytes.
inline std::string idx(const std::vector<uint32_t>& sizes, const std::string& values) {
  std::string bytes{'\0', '\0', '\x08', static_cast<char>(sizes.size())};
  for (const uint32_t size : sizes)
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(size >> shift);
  return bytes + values;
}

/// As gzip compresses them.
inline std::string gzipped(const std::string& bytes) {
  z_stream z{};
  constexpr int kGzip = 15 + 16;
  if (deflateInit2(&z, 6, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflateInit2");
  std::string out(deflateBound(&z, bytes.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  if (status != Z_STREAM_END) throw std::runtime_error("deflate");
  return out;
}

/// Image n, of label n % 10, has the brightness 20 (n % 10) + 10 but for its first pixel, 255.
inline std::string mnist_images(int count) {
  std::string values;
  for (int n = 0; n < count; ++n) {
    values += '\xff';
    values += std::string(28 * 28 - 1, static_cast<char>(20 * (n % 10) + 10));
  }
  return idx({static_cast<uint32_t>(count), 28, 28}, values);
}

inline std::string mnist_labels(int count) {
  std::string values;
  for (int n = 0; n < count; ++n) values += static_cast<char>(n % 10);
  return idx({static_cast<uint32_t>(count)}, values);
}

/// A folder of MNIST's four files that --data-dir can name.
class SmallMnist {
 public:
  SmallMnist() {
    dir_.put("train-images-idx3-ubyte.gz", gzipped(mnist_images(40)));
    dir_.put("train-labels-idx1-ubyte.gz", gzipped(mnist_labels(40)));
    dir_.put("t10k-images-idx3-ubyte", mnist_images(20));
    dir_.put("t10k-labels-idx1-ubyte", mnist_labels(20));
  }
  const TempDir& dir() const { return dir_; }
  const std::filesystem::path& path() const { return dir_.path(); }

 private:
  TempDir dir_;
};

}  // namespace gradus
