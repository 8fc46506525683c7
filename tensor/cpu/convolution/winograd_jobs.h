#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>

#include "tensor/cpu/convolution/winograd_tiles.h"
#include "tensor/cpu/parallel.h"
#include "tensor/cpu/scratch.h"
#include "tensor/cpu/tile.h"

/// Winograd convolutions as jobs for threads: images and filters become points, points are
/// multiplied, products become images or filters.
namespace gradus::cpu::convolution::winograd {

/// Tiles (but at least those of an image), and channels of the product's rows and vectors, that a
/// job works on at most, so that what it keeps between steps stays near. Where that makes fewer
/// jobs than threads, jobs are smaller; no sum is parted by that, so the bits stay.
inline constexpr int64_t kJobTiles = 64, kJobRows = 128, kJobVectors = 128 / kLanes;

/// Floats of images that all rows of points of a gradient pass over before the next.
inline constexpr int64_t kBlock = 1 << 19;

/// [begin, end) of part i of n things, `step` at a time.
inline Range part(int64_t i, int64_t step, int64_t n) {
  return {i * step, std::min(n, (i + 1) * step)};
}
inline int64_t parts(int64_t n, int64_t step) { return (n + step - 1) / step; }

/// `step` or less, so that n things make at least `wanted` parts of at least `least`.
inline int64_t smaller_step(int64_t n, int64_t wanted, int64_t step, int64_t least) {
  while (parts(n, step) < wanted && step > least) step = std::max(least, step / 2);
  return step;
}

/// sums [rows, vectors] = a [rows, n] * b [n, vectors].
inline void multiply_rows(int64_t rows, int64_t vectors, int64_t n, const float* a, const float* b,
                          float* sums) {
  const int64_t width = vectors * kLanes;
  for_each_product(rows, vectors, n, {a, n, 1}, b, width, [=](int64_t i, int64_t v, Vector sum) {
    store(sum, sums + i * width + v * kLanes);
  });
}

/// sums [rows, vectors] = or, if `add`, += a^T * b for a [n, rows] and b [n, vectors].
inline void correlate_rows(int64_t rows, int64_t vectors, int64_t n, const float* a, const float* b,
                           bool add, float* sums) {
  const int64_t width = vectors * kLanes;
  for_each_product(rows, vectors, n, {a, 1, rows}, b, width, [=](int64_t i, int64_t v, Vector sum) {
    float* const to = sums + i * width + v * kLanes;
    store(add ? load(to) + sum : sum, to);
  });
}

/// sums [kPoints, rows, vectors] = a [kPoints, rows, n] * b [kFilters, n, vectors], a product a
/// point; b's matrices are b_step apart.
template <class F>
void multiply_points(int64_t rows, int64_t vectors, int64_t n, const float* a, const float* b,
                     int64_t b_step, float* sums) {
  const int64_t width = vectors * kLanes;
  for (int filter = 0; filter < F::kFilters; ++filter, b += b_step) {
    const int64_t all = rows * points_of<F>(filter);
    multiply_rows(all, vectors, n, a, b, sums);
    a += all * n;
    sums += all * width;
  }
}

/// sums [kFilters, rows, vectors] = or, if `add`, += a^T * b for a [kPoints, n, rows] and
/// b [kPoints, n, vectors], summed up over the points of a filter; matrices of sums are `step`
/// apart.
template <class F>
void correlate_points(int64_t rows, int64_t vectors, int64_t n, const float* a, const float* b,
                      bool add, float* sums, int64_t step) {
  const int64_t width = vectors * kLanes;
  for (int filter = 0; filter < F::kFilters; ++filter, sums += step) {
    const int64_t all = n * points_of<F>(filter);
    correlate_rows(rows, vectors, all, a, b, add, sums);
    a += all * rows;
    b += all * width;
  }
}

/// to = from * filters, and the epilogue, whose bias is that of each vector. A job makes some
/// vectors of some images, one row of points after the other.
template <class F, class From, class To>
void convolve(const From& from, const To& to, const Filters& filters, const RawEpilogue& epilogue) {
  constexpr int kPoints = F::kPoints, kFilters = F::kFilters, kWindow = To::kWindow;
  const int64_t in_vectors = from.grid.vectors(), out_vectors = to.grid.vectors();
  const int64_t channels = in_vectors * kLanes, per_image = from.tiles.per_image();
  const int64_t threads = omp_get_max_threads(), all_images = from.tiles.images;
  int64_t images = std::max<int64_t>(1, kJobTiles / per_image);
  const int64_t wide = smaller_step(out_vectors, parts(threads, parts(all_images, images)),
                                    std::min(out_vectors, kJobVectors), kTileVectors);
  const int64_t slices = parts(out_vectors, wide);
  images = smaller_step(all_images, parts(threads, slices), images, 1);
  const int64_t jobs = slices * parts(all_images, images), most = wide * kLanes;
  const auto slice_of = [&](int64_t i) { return part(i % slices, wide, out_vectors); };

  // The filters' points, a slice after the other. The gap keeps what is written at one time from
  // falling on the same lines of the caches.
  const int64_t u_step = channels * most + kLanes, u_slice = kFilters * kFilters * u_step;
  const Scratch all_u(slices * u_slice);
  float* const u0 = all_u;
  parallel_for(slices * channels, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i % channels, slice = i / channels;
      const Range columns = slice_of(slice);
      filters.template to_points<F>(row, columns,
                                    u0 + slice * u_slice + row * columns.size() * kLanes, u_step);
    }
  });

  const int64_t in_size = kPoints * kTileRows * channels, sums_size = kPoints * kTileRows * most,
                half_size = kPoints * kWindow * images * per_image * most;
  const PartsScratch scratch(jobs, in_size + sums_size + half_size);
  parallel_for(jobs, 1, [&](int64_t begin, int64_t end) {
    float *const in = scratch.take(), *const sums = in + in_size, *const half = sums + sums_size;
    for (int64_t job = begin; job < end; ++job) {
      const Range slice = slice_of(job), some = part(job / slices, images, all_images);
      const Range tiles{some.begin * per_image, some.end * per_image};
      const int64_t width = slice.size() * kLanes, step = tiles.size() * width;
      unrolled<kPoints>([&]<int kRow>() {
        const float* const u = u0 + job % slices * u_slice + filter_of<F>(kRow) * kFilters * u_step;
        for (int64_t t = tiles.begin; t < tiles.end; t += kTileRows) {
          const Range rows{t, std::min<int64_t>(t + kTileRows, tiles.end)};
          from.template to_points<kRow>(rows, {0, in_vectors}, in);
          multiply_points<F>(rows.size(), slice.size(), channels, in, u, u_step, sums);
          to.half_from_points(rows.size() * width, sums,
                              half + kRow * kWindow * step + (t - tiles.begin) * width, step);
        }
      });
      to.from_half(tiles, slice, half, epilogue);
    }
  });
}

/// filters = for each row and vector of channels, sums over the tiles. A job makes half of the rows
/// of points of some filters, the smaller one first; those of one filter are all in the other.
template <class F, class Rows, class Vectors>
void correlate(const Rows& rows, const Vectors& vectors, const Filters& filters) {
  constexpr int kPoints = F::kPoints, kFilters = F::kFilters;
  const int64_t all_rows = rows.grid.vectors() * kLanes, all_vectors = vectors.grid.vectors();
  const int64_t wide = std::min(all_vectors, kJobVectors), slices = parts(all_vectors, wide);
  const int64_t high = smaller_step(all_rows, parts(omp_get_max_threads(), 2 * slices), kJobRows,
                                    std::max<int64_t>(16, kLanes));
  const int64_t pieces = slices * parts(all_rows, high), most = high * wide * kLanes;
  const auto rows_of = [&](int64_t piece) { return part(piece / slices, high, all_rows); };
  const auto slice_of = [&](int64_t piece) { return part(piece % slices, wide, all_vectors); };
  static_assert(kPoints / 2 < kFilters);
  // All rows of points pass over a block of images while it is in the caches.
  const int64_t per_image = rows.tiles.per_image(), all_tiles = rows.tiles.images * per_image;
  const int64_t block = std::max<int64_t>(1, kBlock / (rows.grid.image + vectors.grid.image));

  const int64_t u_step = most + kLanes, u_piece = kFilters * kFilters * u_step;
  const Scratch all_u(pieces * u_piece);
  float* const u0 = all_u;
  const int64_t a_size = kPoints * kJobTiles * high, b_size = kPoints * kJobTiles * wide * kLanes;
  const PartsScratch scratch(2 * pieces, a_size + b_size);
  parallel_for(2 * pieces, 1, [&](int64_t begin, int64_t end) {
    float *const a = scratch.take(), *const b = a + a_size;
    for (int64_t job = begin; job < end; ++job) {
      const int64_t piece = job / 2;
      const Range height = rows_of(piece), slice = slice_of(piece);
      const Range height_vectors{height.begin / kLanes, height.end / kLanes};
      for (int64_t start = 0; start < all_tiles; start += block * per_image) {
        const int64_t stop = std::min(start + block * per_image, all_tiles);
        unrolled<kPoints>([&]<int kRow>() {
          if ((job % 2 == 1) != (kRow >= kPoints / 2)) return;
          float* const u = u0 + piece * u_piece + filter_of<F>(kRow) * kFilters * u_step;
          for (int64_t t = start; t < stop; t += kJobTiles) {
            const Range tiles{t, std::min(t + kJobTiles, stop)};
            rows.template to_points<kRow>(tiles, height_vectors, a);
            vectors.template to_points<kRow>(tiles, slice, b);
            correlate_points<F>(height.size(), slice.size(), tiles.size(), a, b,
                                t > 0 || kRow >= kFilters, u, u_step);
          }
        });
      }
    }
  });
  parallel_for(pieces * high, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t piece = i / high, row = rows_of(piece).begin + i % high;
      if (row < rows_of(piece).end)
        filters.template from_points<F>(
            row, slice_of(piece), u0 + piece * u_piece + i % high * slice_of(piece).size() * kLanes,
            u_step);
    }
  });
}

}  // namespace gradus::cpu::convolution::winograd
