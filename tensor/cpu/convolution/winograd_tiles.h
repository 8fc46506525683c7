#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "tensor/cpu/convolution/ending.h"
#include "tensor/cpu/convolution/geometry.h"
#include "tensor/cpu/convolution/toom_cook.h"
#include "tensor/cpu/vector.h"

/// The steps of a Winograd convolution that touch images and filters: into the domain of points,
/// where it is a product of matrices, and back.
namespace gradus::cpu::convolution::winograd {

/// An image as places in rows and columns, each of some vectors of channels.
struct Grid {
  float* data;
  int64_t rows, columns;        ///< of places
  int64_t image, row, column;   ///< steps between images, rows and columns, in floats
  std::vector<int64_t> vector;  ///< where a place's vectors lie, from its first float on
  int64_t vectors() const { return static_cast<int64_t>(vector.size()); }
};

/// Filters of 3 x 3 taps from some rows of channels to vectors of others, as they lie in the
/// weights of a convolution. A phase is one of the four pixels of a place, each with taps of its
/// own.
struct Filters {
  struct Channels {
    int64_t offset;
    int phase;
  };
  float* data;
  std::vector<Channels> rows, vectors;
  int64_t taps[4][3][3];  ///< of each phase; negative where there is none

  /// Row kRow of the points of all rows' filters: points [kPoints, rows, vectors of `slice`].
  template <class F, int kRow>
  void to_points(Range slice, float* points) const {
    const int64_t point_step = static_cast<int64_t>(rows.size()) * slice.size() * kLanes;
    for (const Channels& row : rows)
      for (int64_t v = slice.begin; v < slice.end; ++v, points += kLanes) {
        const auto& taps_here = taps[row.phase + vectors[v].phase];
        const float* const from = data + row.offset + vectors[v].offset;
        Vector g[3], u[F::kPoints];
#pragma GCC unroll 8
        for (int b = 0; b < 3; ++b) {
          g[b] = Vector{};
#pragma GCC unroll 8
          for (int a = 0; a < 3; ++a)
            if (F::kG[kRow][a] != 0 && taps_here[a][b] >= 0)
              g[b] += float(F::kG[kRow][a]) * load(from + taps_here[a][b]);
        }
        multiply<float>(F::kG, g, u);
#pragma GCC unroll 8
        for (int j = 0; j < F::kPoints; ++j) store(u[j], points + j * point_step);
      }
  }

  /// Sets the taps of some rows and vectors to the sum of two [3, 3, rows, vectors].
  void write(Range of_rows, Range slice, const float* g, const float* more) const {
    const int64_t tap_step = of_rows.size() * slice.size() * kLanes;
    for (int64_t row = of_rows.begin; row < of_rows.end; ++row)
      for (int64_t v = slice.begin; v < slice.end; ++v, g += kLanes, more += kLanes)
        for (int a = 0; a < 3; ++a)
          for (int b = 0; b < 3; ++b) {
            const int64_t tap = taps[rows[row].phase + vectors[v].phase][a][b];
            if (tap >= 0)
              store(load(g + (3 * a + b) * tap_step) + load(more + (3 * a + b) * tap_step),
                    data + rows[row].offset + vectors[v].offset + tap);
          }
  }
};

/// The tiles of a batch: `rows` x `columns` an image, each kOutputs places high and wide.
struct Tiles {
  int64_t images, rows, columns;
  int64_t per_image() const { return rows * columns; }
};

/// A tile's place in one of the two images: kWindow x kWindow places, null outside the image.
template <int kWindow>
struct Window {
  float* at[kWindow][kWindow];

  Window(const Grid& g, int64_t image, int64_t y, int64_t x) {
    for (int a = 0; a < kWindow; ++a)
      for (int b = 0; b < kWindow; ++b) {
        const bool inside = y + a >= 0 && y + a < g.rows && x + b >= 0 && x + b < g.columns;
        at[a][b] =
            inside ? g.data + image * g.image + (y + a) * g.row + (x + b) * g.column : nullptr;
      }
  }
};

/// One of the two images with its matrix of ToomCook's, kBt for the image that the filters read (a
/// window is a tile and 2 places around it), kA for the other (a window is a tile).
template <class F, int kWindow>
struct Side {
  static constexpr bool kReads = kWindow == F::kPoints;
  static constexpr const Matrix<F::kPoints, kWindow>& kMatrix = []() -> const auto& {
    if constexpr (kReads)
      return F::kBt;
    else
      return F::kA;
  }
  ();

  Grid grid;
  Tiles tiles;
  int64_t top = 0, left = 0;  ///< places of padding in front of the image

  Window<kWindow> window(int64_t tile) const {
    const int64_t in_image = tile % tiles.per_image();
    return {grid, tile / tiles.per_image(), in_image / tiles.columns * F::kOutputs - top,
            in_image % tiles.columns * F::kOutputs - left};
  }

  /// Row kRow of the points of some tiles: points [kPoints, tiles, vectors of `slice`].
  template <int kRow>
  void to_points(Range of_tiles, Range slice, float* points) const {
    const int64_t point_step = of_tiles.size() * slice.size() * kLanes;
    for (int64_t tile = of_tiles.begin; tile < of_tiles.end; ++tile) {
      const Window<kWindow> w = window(tile);
      for (int64_t v = slice.begin; v < slice.end; ++v, points += kLanes) {
        const int64_t offset = grid.vector[v];
        Vector x[kWindow], y[F::kPoints];
#pragma GCC unroll 8
        for (int b = 0; b < kWindow; ++b) {
          x[b] = Vector{};
#pragma GCC unroll 8
          for (int a = 0; a < kWindow; ++a)
            if (kMatrix[kRow][a] != 0 && w.at[a][b])
              x[b] += float(kMatrix[kRow][a]) * load(w.at[a][b] + offset);
        }
        multiply<float>(kMatrix, x, y);
#pragma GCC unroll 8
        for (int j = 0; j < F::kPoints; ++j) store(y[j], points + j * point_step);
      }
    }
  }

  /// The images' places from points [kPoints * kPoints, tiles, vectors of `slice`], and the ending,
  /// whose bias is that of each vector. Where windows overlap they are summed, and the last one
  /// ends the sum; tiles come in order, whole images at a time.
  void from_points(Range of_tiles, Range slice, const float* points, const Ending& ending) const {
    const int64_t point_step = of_tiles.size() * slice.size() * kLanes;
    constexpr int kPoints = F::kPoints;
    for (int64_t tile = of_tiles.begin; tile < of_tiles.end; ++tile) {
      const Window<kWindow> w = window(tile);
      const int64_t in_image = tile % tiles.per_image();
      const int above = kReads && in_image / tiles.columns > 0 ? 2 : 0;
      const int before = kReads && in_image % tiles.columns > 0 ? 2 : 0;
      const int rows = in_image / tiles.columns < tiles.rows - 1 ? F::kOutputs : kWindow;
      const int columns = in_image % tiles.columns < tiles.columns - 1 ? F::kOutputs : kWindow;
      for (int64_t v = slice.begin; v < slice.end; ++v, points += kLanes) {
        Vector by_column[kPoints][kWindow];
#pragma GCC unroll 8
        for (int j = 0; j < kPoints; ++j) {
          Vector column[kPoints];
#pragma GCC unroll 8
          for (int i = 0; i < kPoints; ++i)
            column[i] = load(points + (i * kPoints + j) * point_step);
          multiply_transposed<float>(kMatrix, column, by_column[j]);
        }
        const Vector start = ending.bias ? load(ending.bias + v * kLanes) : Vector{};
#pragma GCC unroll 8
        for (int a = 0; a < kWindow; ++a) {
          Vector row[kPoints], x[kWindow];
#pragma GCC unroll 8
          for (int j = 0; j < kPoints; ++j) row[j] = by_column[j][a];
          multiply_transposed<float>(kMatrix, row, x);
#pragma GCC unroll 8
          for (int b = 0; b < kWindow; ++b) {
            if (!w.at[a][b]) continue;
            float* const to = w.at[a][b] + grid.vector[v];
            const Vector sum = x[b] + (a < above || b < before ? load(to) : start);
            store(a < rows && b < columns ? ending.activation(sum) : sum, to);
          }
        }
      }
    }
  }
};

}  // namespace gradus::cpu::convolution::winograd
