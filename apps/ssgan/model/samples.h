#pragma once

#include <cstdint>

#include "apps/ssgan/model/networks.h"
#include "nn/data/png.h"

namespace gradus::ssgan {

/// Images u8 [N, S, S, 3] on the CPU side by side, `columns` a row, with 2 black pixels around
/// each, as torchvision's make_grid lays them out. N and `columns` are at least 1, unchecked.
Picture grid(const Tensor& images, int columns);

/// Each pixel as a square of `scale` pixels; at least 1, unchecked.
Picture enlarged(const Picture& picture, int scale);

/// `count` generated images, u8 [count, S, S, 3], by batches of 128, from noise that depends on
/// the seed alone. Bytes are 255 (x + 1) / 2, rounded.
Tensor sample_images(const Generator& generator, int64_t count, uint64_t seed,
                     Statistics statistics);

/// The grid of `count` images, at least 1, from noise that depends on the seed alone. Pixels are
/// 255 (x + 1) / 2, rounded.
Picture sample_grid(const Generator& generator, int64_t count, int columns, uint64_t seed,
                    Statistics statistics);

/// `rows` rows, at least 1, of `columns` images each, at least 2 (neither is checked), from one
/// noise vector to another in even steps of the angle between them (spherical interpolation:
/// Shoemake 1985).
Picture interpolation_grid(const Generator& generator, int64_t rows, int columns, uint64_t seed,
                           Statistics statistics);

}  // namespace gradus::ssgan
