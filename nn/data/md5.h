#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace gradus {

/// The MD5 checksum (RFC 1321) of bytes that come piece by piece. It tells a damaged file from the
/// published one; it is no protection from forgery.
class Md5 {
 public:
  Md5();
  ~Md5();
  void add(std::span<const std::byte> bytes);
  /// 32 hexadecimal digits, lower case; the last call.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The same of a file. Throws DataError where it cannot be read.
std::string md5_of(const std::filesystem::path& path);

}  // namespace gradus
