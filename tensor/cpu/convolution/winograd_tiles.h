#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tensor/cpu/convolution/epilogue.h"
#include "tensor/cpu/convolution/geometry.h"
#include "tensor/cpu/convolution/toom_cook.h"
#include "tensor/cpu/vector.h"

/// The steps of a Winograd convolution that touch images and filters: into the domain of points,
/// where it is a product of matrices, and back. F is Dense or Strided (toom_cook.h). What lies
/// outside an image or a filter is read from `zeros`, so that inner loops have no branches.
namespace gradus::cpu::convolution::winograd {

/// An image as a grid of cells, pixels or quads (geometry.h), each of some vectors of channels.
struct Grid {
  float* data;
  int64_t rows, columns;        ///< of cells
  int64_t image, row, column;   ///< steps between images, rows and columns, in floats
  std::vector<int64_t> vector;  ///< where a cell's vectors lie, from its first float on
  const float* zeros;           ///< as far as those vectors reach
  int64_t vectors() const { return static_cast<int64_t>(vector.size()); }
};

/// Filters of 3 x 3 taps from some rows of channels to vectors of others, as they lie in the
/// weights of a convolution. A phase is one of the four pixels of a quad, each with taps of its
/// own; either the rows or the vectors have phases.
struct Filters {
  struct Channels {
    int64_t phases, each;  ///< `each` channels of a phase
  };
  float* data;
  Channels rows, columns;
  int64_t row_step;       ///< floats between a phase's rows; columns lie one after the other
  int64_t taps[4][3][3];  ///< of each phase; negative where there is none
  const float* zeros;     ///< columns.each of them

  /// Points [kFilters, kFilters], `step` floats apart, of a row's filters to the vectors of
  /// `slice`.
  template <class F>
  void to_points(int64_t row, Range slice, float* points, int64_t step) const {
    for_each_run(row, slice, [&](int64_t n, int64_t phase, int64_t offset) {
      const float* from[3][3];
      for (int a = 0; a < 3; ++a)
        for (int b = 0; b < 3; ++b)
          from[a][b] = taps[phase][a][b] < 0 ? zeros : data + offset + taps[phase][a][b];
      for (int64_t i = 0; i < n * kLanes; i += kLanes, points += kLanes) {
        Vector by_column[3][F::kFilters];
        unrolled<3>([&]<int b>() {
          Vector g[3];
          unrolled<3>([&]<int a>() { g[a] = load(from[a][b] + i); });
          multiply<F::kG>(g, by_column[b]);
        });
        unrolled<F::kFilters>([&]<int p>() {
          const Vector g[3] = {by_column[0][p], by_column[1][p], by_column[2][p]};
          Vector u[F::kFilters];
          multiply<F::kG>(g, u);
          unrolled<F::kFilters>(
              [&]<int j>() { store(u[j], points + (p * F::kFilters + j) * step); });
        });
      }
    });
  }

  /// The adjoint: a row's filters from their points.
  template <class F>
  void from_points(int64_t row, Range slice, const float* points, int64_t step) const {
    for_each_run(row, slice, [&](int64_t n, int64_t phase, int64_t offset) {
      for (int64_t i = 0; i < n * kLanes; i += kLanes, points += kLanes) {
        Vector by_row[F::kFilters][3];
        unrolled<F::kFilters>([&]<int p>() {
          Vector u[F::kFilters];
          unrolled<F::kFilters>(
              [&]<int j>() { u[j] = load(points + (p * F::kFilters + j) * step); });
          multiply_transposed<F::kG>(u, by_row[p]);
        });
        unrolled<3>([&]<int b>() {
          Vector column[F::kFilters], g[3];
          unrolled<F::kFilters>([&]<int p>() { column[p] = by_row[p][b]; });
          multiply_transposed<F::kG>(column, g);
          for (int a = 0; a < 3; ++a)
            if (taps[phase][a][b] >= 0) store(g[a], data + offset + taps[phase][a][b] + i);
        });
      }
    });
  }

 private:
  /// Calls fn(vectors, phase, offset) for runs of vectors of one phase, whose floats lie one after
  /// the other from `offset` and a tap of the phase on.
  template <class Fn>
  void for_each_run(int64_t row, Range slice, const Fn& fn) const {
    const int64_t run = columns.each / kLanes;
    for (int64_t v = slice.begin, end; v < slice.end; v = end) {
      const int64_t phase = v / run;
      end = std::min((phase + 1) * run, slice.end);
      fn(end - v, row / rows.each + phase, row % rows.each * row_step + v % run * kLanes);
    }
  }
};

/// The tiles of a batch: `rows` x `columns` an image, each of kOutputs x kOutputs outputs.
struct Tiles {
  int64_t images, rows, columns;
  int64_t per_image() const { return rows * columns; }
};

/// One of the two images with its matrix, kBt for the image that the filters read (a tile's window
/// is what its outputs read), kA for the other (a window is the tile).
template <class F, bool kReads>
struct Side {
  static constexpr int kPoints = F::kPoints, kWindow = kReads ? kPoints : F::kOutputs;
  /// Cells from a window to the next.
  static constexpr int kStep = kReads ? F::kOutputs * F::kStride : F::kOutputs;
  static constexpr const Matrix<kPoints, kWindow>& kMatrix = []() -> const auto& {
    if constexpr (kReads)
      return F::kBt;
    else
      return F::kA;
  }
  ();

  Grid grid;
  Tiles tiles;
  int64_t top = 0, left = 0;  ///< cells of padding in front of the image

  /// Where the window of a tile lies.
  struct Window {
    float* image;
    int64_t row, column;  ///< of the tile among those of its image
    int64_t y, x;         ///< of the first cell, which may lie outside
  };
  Window window(int64_t tile) const {
    const int64_t row = tile % tiles.per_image() / tiles.columns, column = tile % tiles.columns;
    return {grid.data + tile / tiles.per_image() * grid.image, row, column, row * kStep - top,
            column * kStep - left};
  }
  bool has_row(int64_t y) const { return y >= 0 && y < grid.rows; }
  bool has_column(int64_t x) const { return x >= 0 && x < grid.columns; }

  /// Row kRow of the points of some tiles: points [kPoints, tiles, vectors of `slice`].
  template <int kRow>
  void to_points(Range of_tiles, Range slice, float* points) const {
    const int64_t point_step = of_tiles.size() * slice.size() * kLanes;
    for (int64_t tile = of_tiles.begin; tile < of_tiles.end; ++tile) {
      const Window w = window(tile);
      const float* from[kWindow][kWindow];
      unrolled<kWindow>([&]<int a>() {
        if constexpr (kMatrix[kRow][a] != 0)
          for (int b = 0; b < kWindow; ++b)
            from[a][b] = has_row(w.y + a) && has_column(w.x + b)
                             ? w.image + (w.y + a) * grid.row + (w.x + b) * grid.column
                             : grid.zeros;
      });
      for (int64_t v = slice.begin; v < slice.end; ++v, points += kLanes) {
        const int64_t offset = grid.vector[v];
        Vector x[kWindow], y[kPoints];
        unrolled<kWindow>([&]<int b>() {
          Sum<Vector> sum;
          unrolled<kWindow>([&]<int a>() {
            if constexpr (kMatrix[kRow][a] != 0)
              sum.add(kMatrix[kRow][a], load(from[a][b] + offset));
          });
          x[b] = sum.value;
        });
        multiply<kMatrix>(x, y);
        unrolled<kPoints>([&]<int j>() { store(y[j], points + j * point_step); });
      }
    }
  }

  /// The first half of the way back, along a row of points [kPoints, n]: half [kWindow, n],
  /// `step` floats apart.
  static void half_from_points(int64_t n, const float* points, float* half, int64_t step) {
    for (int64_t i = 0; i < n; i += kLanes) {
      Vector y[kPoints], x[kWindow];
      unrolled<kPoints>([&]<int j>() { y[j] = load(points + j * n + i); });
      multiply_transposed<kMatrix>(y, x);
      unrolled<kWindow>([&]<int b>() { store(x[b], half + b * step + i); });
    }
  }

  /// The second half, and the epilogue, whose bias is that of each vector: the images' cells from
  /// half [kPoints, kWindow, tiles, vectors of `slice`]. Where windows overlap they are summed,
  /// and the last one ends the sum; tiles come in order, whole images at a time.
  void from_half(Range of_tiles, Range slice, const float* half,
                 const RawEpilogue& epilogue) const {
    constexpr int kOverlap = kWindow - kStep;
    const int64_t width = slice.size() * kLanes, step = of_tiles.size() * width;
    for (int64_t tile = of_tiles.begin; tile < of_tiles.end; ++tile, half += width) {
      const Window w = window(tile);
      const int above = w.row > 0 ? kOverlap : 0, before = w.column > 0 ? kOverlap : 0;
      const int complete_rows = w.row < tiles.rows - 1 ? kStep : kWindow;
      const int complete_columns = w.column < tiles.columns - 1 ? kStep : kWindow;
      for (int b = 0; b < kWindow; ++b) {
        if (!has_column(w.x + b)) continue;
        float* const column = w.image + (w.x + b) * grid.column;
        const float* at = half + b * step;
        for (int64_t v = slice.begin; v < slice.end; ++v, at += kLanes) {
          const Vector start = epilogue.bias ? load(epilogue.bias + v * kLanes) : Vector{};
          Vector y[kPoints], x[kWindow];
          unrolled<kPoints>([&]<int i>() { y[i] = load(at + i * kWindow * step); });
          multiply_transposed<kMatrix>(y, x);
          unrolled<kWindow>([&]<int a>() {
            if (!has_row(w.y + a)) return;
            float* const to = column + (w.y + a) * grid.row + grid.vector[v];
            const Vector sum = x[a] + (a < above || b < before ? load(to) : start);
            store(a < complete_rows && b < complete_columns ? epilogue.activation(sum) : sum, to);
          });
        }
      }
    }
  }
};

}  // namespace gradus::cpu::convolution::winograd
