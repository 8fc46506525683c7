#pragma once

#include <cstdint>

#include "tensor/host_device.h"

namespace gradus {

/// The counter, or the four words made of it.
struct PhiloxBlock {
  uint32_t v[4];
};

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a pure
/// function of counter and key, so element i of a draw is the same on every device, for every
/// thread count and in every replay.
GRADUS_HD inline PhiloxBlock philox4x32(PhiloxBlock c, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * c.v[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57u} * c.v[2];
    c = {{static_cast<uint32_t>(p1 >> 32) ^ c.v[1] ^ key0, static_cast<uint32_t>(p1),
          static_cast<uint32_t>(p0 >> 32) ^ c.v[3] ^ key1, static_cast<uint32_t>(p0)}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return c;
}

/// The 24 high bits times 2^-24, exactly: uniform in [0, 1).
GRADUS_HD inline float uniform01(uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }

}  // namespace gradus
