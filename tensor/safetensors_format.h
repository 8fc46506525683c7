#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace gradus {

static_assert(std::endian::native == std::endian::little, "safetensors is little-endian");

/// The header's key that is no tensor.
inline constexpr const char* kSafetensorsMetadata = "__metadata__";
/// The header's length stands in front of it.
inline constexpr size_t kSafetensorsLengthBytes = sizeof(uint64_t);
inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;

}  // namespace gradus
