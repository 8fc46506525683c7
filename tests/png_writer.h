#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>

#include "tests/mat_writer.h"

namespace gradus {

// Makes PNGs of every kind, sound and broken ones.

inline std::string png_word(uint32_t v) { return swapped(u32(v), 4); }

inline std::string png_chunk(const std::string& kind, const std::string& data) {
  const std::string body = kind + data;
  const auto crc = ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), uInt(body.size()));
  return png_word(static_cast<uint32_t>(data.size())) + body + png_word(uint32_t(crc));
}

/// The same with a wrong checksum.
inline std::string torn_chunk(const std::string& kind, const std::string& data) {
  std::string chunk = png_chunk(kind, data);
  chunk.back() = static_cast<char>(chunk.back() ^ 1);
  return chunk;
}

/// A PNG of `width` x `height` pixels whose rows, each behind a byte of filter 0, are `rows`.
struct PngWriter {
  int width, height, depth, colour;
  std::string rows;
  std::string before = {};  ///< chunks in front of the pixels
  std::string after = {};   ///< and behind them
  bool interlaced = false;
  std::string pixels = {};  ///< the chunks of pixels, where not made of `rows`

  std::string file() const {
    const char tail[] = {char(depth), char(colour), 0, 0, char(interlaced)};
    return "\x89PNG\r\n\x1a\n" +
           png_chunk("IHDR", png_word(uint32_t(width)) + png_word(uint32_t(height)) +
                                 std::string(tail, sizeof(tail))) +
           before + (pixels.empty() ? png_chunk("IDAT", deflated(rows)) : pixels) + after +
           png_chunk("IEND", "");
  }
};

}  // namespace gradus
