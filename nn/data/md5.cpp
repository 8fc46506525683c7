#include "nn/data/md5.h"

#include <md5.h>

#include <array>

#include "tensor/error.h"

namespace gradus {

struct Md5::State {
  MD5_CTX context;
};

Md5::Md5() : state_(std::make_unique<State>()) { MD5Init(&state_->context); }
Md5::~Md5() = default;

void Md5::add(std::span<const std::byte> bytes) {
  MD5Update(&state_->context, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

std::string Md5::finish() {
  std::array<char, MD5_DIGEST_STRING_LENGTH> digits{};
  MD5End(&state_->context, digits.data());
  return digits.data();
}

std::string md5_of(const std::filesystem::path& path) {
  std::array<char, MD5_DIGEST_STRING_LENGTH> digits{};
  require<DataError>(MD5File(path.c_str(), digits.data()) != nullptr, "{}: cannot be read",
                     path.string());
  return digits.data();
}

}  // namespace gradus
