#pragma once

#include <cstdint>

namespace gradus {

/// Deflate cannot shrink by more than this (zlib.net, "zlib technical details").
inline constexpr uint64_t kMaxDeflateRatio = 1032;

}  // namespace gradus
