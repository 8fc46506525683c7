#pragma once

#include <cstdint>
#include <string_view>

namespace gradus {

/// CRC-32C (Castagnoli et al. 1993; examples in RFC 3720 B.4).
uint32_t crc32c(std::string_view bytes);
/// The same, going on from the checksum of what came before.
uint32_t crc32c(std::string_view bytes, uint32_t before);

/// The same as TensorFlow's and LevelDB's files store it, so that a checksum over data that holds
/// checksums is none of a pattern: rotated right by 15 bits, plus 0xA282EAD8.
uint32_t masked_crc32c(std::string_view bytes);

}  // namespace gradus
