#pragma once

#include <cstdint>
#include <vector>

#include "apps/ssgan/networks.h"

namespace gradus::ssgan {

struct Picture {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;  ///< [height, width, 3]
};

/// `count` images from noise that depends on the seed alone, in a grid of `columns` with 2 black
/// pixels around each, as torchvision's make_grid lays it out. Pixels are (x + 1) / 2.
Picture sample_grid(Generator& generator, int64_t count, int columns, uint64_t seed,
                    Statistics statistics);

}  // namespace gradus::ssgan
