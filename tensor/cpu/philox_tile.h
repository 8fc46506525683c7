#pragma once

#include <array>

#include "tensor/philox.h"
#include "tensor/random.h"

namespace gradus::cpu {

inline constexpr int kTile = 64;  ///< blocks of four words
/// What a draw's step tensor says.
struct DrawPlace {
  uint32_t step, first_block;
};
inline DrawPlace place_of(const Draw& draw) {
  if (!draw.step.defined()) return {0, 0};
  const int32_t* said = draw.step.data<int32_t>();
  return {static_cast<uint32_t>(said[0]),
          draw.step.count() > 1 ? static_cast<uint32_t>(said[1]) : 0};
}

using Words = std::array<uint32_t, 4 * kTile>;

/// The words of philox4x32({first + b, index, step, stream}, seed) for b = 0 ... kTile - 1, block
/// by block. The same rounds, one at a time over all blocks, which compilers turn into vector code.
inline void philox_tile(uint32_t first, uint32_t index, uint32_t step, uint32_t stream,
                        uint64_t seed, Words& words) {
  uint32_t c0[kTile], c1[kTile], c2[kTile], c3[kTile];
  for (int b = 0; b < kTile; ++b) {
    c0[b] = first + b;
    c1[b] = index;
    c2[b] = step;
    c3[b] = stream;
  }
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
#pragma omp simd
    for (int b = 0; b < kTile; ++b) {
      const uint64_t p0 = uint64_t{0xD2511F53u} * c0[b], p1 = uint64_t{0xCD9E8D57u} * c2[b];
      c0[b] = static_cast<uint32_t>(p1 >> 32) ^ c1[b] ^ key0;
      c1[b] = static_cast<uint32_t>(p1);
      c2[b] = static_cast<uint32_t>(p0 >> 32) ^ c3[b] ^ key1;
      c3[b] = static_cast<uint32_t>(p0);
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  for (int b = 0; b < kTile; ++b) {
    words[4 * b] = c0[b];
    words[4 * b + 1] = c1[b];
    words[4 * b + 2] = c2[b];
    words[4 * b + 3] = c3[b];
  }
}

}  // namespace gradus::cpu
