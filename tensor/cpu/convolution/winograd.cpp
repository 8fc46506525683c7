#include <omp.h>

#include <algorithm>

#include "tensor/cpu/convolution/methods.h"
#include "tensor/cpu/convolution/winograd_tiles.h"
#include "tensor/cpu/parallel.h"
#include "tensor/cpu/scratch.h"
#include "tensor/cpu/tile.h"
#include "tensor/cpu/transpose.h"

namespace gradus::cpu::convolution::winograd {
namespace {

/// Tiles, and channels of the product's rows and vectors, that a job works on at most, so that what
/// it keeps between steps fits the second-level cache. Where that makes fewer jobs than threads,
/// jobs are smaller; no sum is parted by that, so the bits stay.
constexpr int64_t kJobTiles = 64, kJobRows = 128, kJobVectors = 128 / kLanes;

/// [begin, end) of part i of n things, `step` at a time.
Range part(int64_t i, int64_t step, int64_t n) { return {i * step, std::min(n, (i + 1) * step)}; }
int64_t parts(int64_t n, int64_t step) { return (n + step - 1) / step; }

/// `step` or less, so that n things make at least `wanted` parts of at least `least`.
int64_t smaller_step(int64_t n, int64_t wanted, int64_t step, int64_t least) {
  while (parts(n, step) < wanted && step > least) step = std::max(least, step / 2);
  return step;
}

/// fn.template operator()<0>(), ... <kCount - 1>().
template <int kCount, class Fn>
void unrolled(const Fn& fn) {
  [&]<int... i>(std::integer_sequence<int, i...>) { (fn.template operator()<i>(), ...); }
  (std::make_integer_sequence<int, kCount>{});
}

/// to = from * filters, and the ending, whose bias is that of each vector. A job makes some vectors
/// of some images, one row of points after the other.
template <class F, class From, class To>
void convolve(const From& from, const To& to, const Filters& filters, const Ending& ending) {
  constexpr int kPoints = F::kPoints;
  const int64_t in_vectors = from.grid.vectors(), out_vectors = to.grid.vectors();
  const int64_t channels = in_vectors * kLanes, per_image = from.tiles.per_image();
  int64_t images = std::max<int64_t>(1, kJobTiles / per_image);
  const int64_t threads = omp_get_max_threads(), all_images = from.tiles.images;
  // Parts of the channels first: those of the images each transform the filters.
  const int64_t wide = smaller_step(out_vectors, parts(threads, parts(all_images, images)),
                                    kJobVectors, kTileVectors);
  const int64_t slices = parts(out_vectors, wide);
  images = smaller_step(all_images, parts(threads, slices), images, 1);
  const int64_t jobs = slices * parts(all_images, images);
  const int64_t u_size = kPoints * channels * wide * kLanes,
                in_size = kPoints * kTileRows * channels,
                out_size = kPoints * kPoints * images * per_image * wide * kLanes;
  const PartsScratch scratch(jobs, u_size + in_size + out_size);
  parallel_for(jobs, 1, [&](int64_t begin, int64_t end) {
    float *const u = scratch.take(), *const in = u + u_size, *const out = in + in_size;
    for (int64_t job = begin; job < end; ++job) {
      const Range slice = part(job % slices, wide, out_vectors);
      const Range some = part(job / slices, images, all_images);
      const Range tiles{some.begin * per_image, some.end * per_image};
      const int64_t width = slice.size() * kLanes, out_step = tiles.size() * width;
      unrolled<kPoints>([&]<int kRow>() {
        filters.template to_points<F, kRow>(slice, u);
        for (int64_t t = tiles.begin; t < tiles.end; t += kTileRows) {
          const Range rows{t, std::min<int64_t>(t + kTileRows, tiles.end)};
          from.template to_points<kRow>(rows, {0, in_vectors}, in);
          for (int j = 0; j < kPoints; ++j) {
            float* const at = out + (kRow * kPoints + j) * out_step + (t - tiles.begin) * width;
            for_each_product(
                rows.size(), slice.size(), channels, {in + j * rows.size() * channels, channels, 1},
                u + j * channels * width, width,
                [=](int64_t i, int64_t v, Vector sum) { store(sum, at + i * width + v * kLanes); });
          }
        }
      });
      to.from_points(tiles, slice, out, ending);
    }
  });
}

/// g [3, 3, rows, vectors of channels] += what row kRow of the points gives of the sums over all
/// tiles; a, b and u are scratch.
template <class F, int kRow, class Rows, class Vectors>
void add_row(const Rows& rows, const Vectors& vectors, Range row_slice, Range slice, float* a,
             float* b, float* u, float* g) {
  constexpr int kPoints = F::kPoints;
  const int64_t height = row_slice.size(), width = slice.size() * kLanes, size = height * width;
  const int64_t all = rows.tiles.images * rows.tiles.per_image();
  for (int64_t t = 0; t < all; t += kJobTiles) {
    const Range tiles{t, std::min(t + kJobTiles, all)};
    rows.template to_points<kRow>(tiles, {row_slice.begin / kLanes, row_slice.end / kLanes}, a);
    vectors.template to_points<kRow>(tiles, slice, b);
    for (int j = 0; j < kPoints; ++j)
      for_each_product(height, slice.size(), tiles.size(),
                       {a + j * tiles.size() * height, 1, height}, b + j * tiles.size() * width,
                       width, [=](int64_t i, int64_t v, Vector sum) {
                         float* const to = u + j * size + i * width + v * kLanes;
                         store(t > 0 ? load(to) + sum : sum, to);
                       });
  }
  for (int64_t i = 0; i < size; i += kLanes) {
    Vector points[kPoints], taps[3];
#pragma GCC unroll 8
    for (int j = 0; j < kPoints; ++j) points[j] = load(u + j * size + i);
    multiply_transposed<float>(F::kG, points, taps);
#pragma GCC unroll 8
    for (int r = 0; r < 3; ++r) {
      if (F::kG[kRow][r] == 0) continue;
#pragma GCC unroll 8
      for (int s = 0; s < 3; ++s) {
        float* const to = g + (3 * r + s) * size + i;
        store(load(to) + float(F::kG[kRow][r]) * taps[s], to);
      }
    }
  }
}

/// filters = for each row and vector of channels, sums over the tiles. A job makes the part of some
/// filters that comes of half of the points.
template <class F, class Rows, class Vectors>
void correlate(const Rows& rows, const Vectors& vectors, const Filters& filters) {
  constexpr int kPoints = F::kPoints;
  const int64_t all_rows = rows.grid.vectors() * kLanes, all_vectors = vectors.grid.vectors();
  const int64_t slices = parts(all_vectors, kJobVectors);
  const int64_t high = smaller_step(all_rows, parts(omp_get_max_threads(), 2 * slices), kJobRows,
                                    std::max<int64_t>(16, kLanes));
  const int64_t pieces = slices * parts(all_rows, high), most = high * kJobVectors * kLanes;
  const Scratch sums(2 * pieces * 9 * most);
  const auto row_slice = [&](int64_t piece) { return part(piece / slices, high, all_rows); };
  const auto slice = [&](int64_t piece) { return part(piece % slices, kJobVectors, all_vectors); };
  const int64_t a_size = kPoints * kJobTiles * high,
                b_size = kPoints * kJobTiles * kJobVectors * kLanes;
  const PartsScratch scratch(2 * pieces, a_size + b_size + kPoints * most);
  parallel_for(2 * pieces, 1, [&](int64_t begin, int64_t end) {
    float *const a = scratch.take(), *const b = a + a_size, *const u = b + b_size;
    for (int64_t job = begin; job < end; ++job) {
      const Range r = row_slice(job / 2), v = slice(job / 2);
      float* const g = sums + job * 9 * most;
      std::fill_n(g, 9 * r.size() * v.size() * kLanes, 0.f);
      unrolled<kPoints / 2>([&]<int kRow>() {
        if (job % 2 == 0)
          add_row<F, kRow>(rows, vectors, r, v, a, b, u, g);
        else
          add_row<F, kRow + kPoints / 2>(rows, vectors, r, v, a, b, u, g);
      });
    }
  });
  parallel_for(pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      filters.write(row_slice(i), slice(i), sums + 2 * i * 9 * most, sums + (2 * i + 1) * 9 * most);
  });
}

/// A convolution of 3 x 3 with stride 1, or one of up to 6 x 6 with stride 2 to half the rows and
/// columns. The latter is 3 x 3 too between y and places of 2 x 2 pixels of x, with the roles of
/// the two exchanged: pixel (2 i + u, 2 j + v) of x has met y's (i - 1 + a, j - 1 + b) through tap
/// (u + pad + 2 - 2 a, v + pad + 2 - 2 b).
bool is_3x3(const Geometry& g) {
  return g.r == 3 && g.s == 3 && g.stride_h == 1 && g.stride_w == 1 && g.pad_top >= 0 &&
         g.pad_left >= 0 && g.pad_bottom() >= 0 && g.pad_right() >= 0;
}
bool is_halving(const Geometry& g) {
  const auto fits = [](int64_t pad, int64_t taps) {
    return pad >= 0 && pad <= 2 && taps <= pad + 4;
  };
  return g.stride_h == 2 && g.stride_w == 2 && g.h == 2 * g.p && g.w == 2 * g.q &&
         fits(g.pad_top, g.r) && fits(g.pad_left, g.s);
}

Grid y_grid(const Geometry& g, const float* y) {
  Grid grid{const_cast<float*>(y), g.p, g.q, g.p * g.q * g.k, g.q * g.k, g.k, {}};
  for (int64_t k = 0; k < g.k; k += kLanes) grid.vector.push_back(k);
  return grid;
}

Grid x_grid(const Geometry& g, const float* x) {
  const int64_t step = g.stride_h;  // pixels of a place
  Grid grid{const_cast<float*>(x), g.h / step, g.w / step, g.h * g.w * g.c,
            step * g.w * g.c,      step * g.c, {}};
  for (int64_t u = 0; u < step; ++u)
    for (int64_t v = 0; v < step; ++v)
      for (int64_t c = 0; c < g.c; c += kLanes) grid.vector.push_back((u * g.w + v) * g.c + c);
  return grid;
}

/// Channels of y and of x's places in w [K, R, S, C] as rows and vectors; with `by_tap` those of x
/// are rows, those of y vectors, and w is [R, S, C, K].
Filters filters_of(const Geometry& g, const float* w, bool by_tap) {
  const int phases = static_cast<int>(g.stride_h * g.stride_w);
  Filters f{const_cast<float*>(w), {}, {}, {}};
  for (int phase = 0; phase < phases; ++phase) {
    for (int64_t c = 0; c < g.c; c += by_tap ? 1 : kLanes)
      (by_tap ? f.rows : f.vectors).push_back({by_tap ? c * g.k : c, phase});
    for (int a = 0; a < 3; ++a)
      for (int b = 0; b < 3; ++b) {
        const int64_t r = phases == 1 ? a : phase / 2 + g.pad_top + 2 - 2 * a;
        const int64_t s = phases == 1 ? b : phase % 2 + g.pad_left + 2 - 2 * b;
        const bool is_tap = r >= 0 && r < g.r && s >= 0 && s < g.s;
        f.taps[phase][a][b] = is_tap ? (r * g.s + s) * g.c * (by_tap ? g.k : 1) : -1;
      }
  }
  for (int64_t k = 0; k < g.k; k += by_tap ? kLanes : 1)
    (by_tap ? f.vectors : f.rows).push_back({by_tap ? k : k * g.r * g.s * g.c, 0});
  return f;
}

/// Outputs a side of the tiles that need the fewest products.
int tile_outputs(const Geometry& g) {
  const auto products = [&](int64_t outputs) {
    return parts(g.p, outputs) * parts(g.q, outputs) * (outputs + 2) * (outputs + 2);
  };
  return products(4) <= products(2) ? 4 : 2;
}

/// Calls fn(side of x, side of y) for tiles that need the fewest products.
template <class Fn>
void with_sides(const Geometry& g, const float* x, const float* y, const Fn& fn) {
  const auto call = [&]<class F>() {
    constexpr int kTile = F::kOutputs, kAround = F::kPoints;
    const Tiles tiles{g.n, parts(g.p, kTile), parts(g.q, kTile)};
    if (g.stride_h == 1)
      fn.template operator()<F>(Side<F, kAround>{x_grid(g, x), tiles, g.pad_top, g.pad_left},
                                Side<F, kTile>{y_grid(g, y), tiles});
    else
      fn.template operator()<F>(Side<F, kTile>{x_grid(g, x), tiles},
                                Side<F, kAround>{y_grid(g, y), tiles, 1, 1});
  };
  tile_outputs(g) == 4 ? call.template operator()<ToomCook<2>>()
                       : call.template operator()<ToomCook<1>>();
}

}  // namespace

bool takes(const Geometry& g) {
  return g.is_plain() && g.c % kLanes == 0 && g.k % kLanes == 0 && (is_3x3(g) || is_halving(g));
}

int64_t tiles(const Geometry& g) {
  const int64_t outputs = tile_outputs(g);
  return g.n * parts(g.p, outputs) * parts(g.q, outputs);
}

int64_t products(const Geometry& g) {
  const int64_t points = tile_outputs(g) + 2;
  return tiles(g) * points * points * g.stride_h * g.stride_w;
}

void forward(const Geometry& g, const float* x, const float* w, const Ending& ending, float* y) {
  const int64_t filter = g.r * g.s * g.c;
  const Scratch by_tap(filter * g.k);
  transpose(g.k, filter, w, by_tap);
  const Filters filters = filters_of(g, by_tap, true);
  with_sides(g, x, y, [&]<class F>(const auto& from, const auto& to) {
    convolve<F>(from, to, filters, ending);
  });
}

void grad_input(const Geometry& g, const float* w, const float* dy, const Ending& ending,
                float* dx) {
  const Filters filters = filters_of(g, w, false);
  const int64_t phases = g.stride_h * g.stride_w;
  const Scratch by_phase(phases * g.c);
  if (ending.bias)
    for (int64_t phase = 0; phase < phases; ++phase)
      std::copy_n(ending.bias, g.c, by_phase + phase * g.c);
  with_sides(g, dx, dy, [&]<class F>(const auto& to, const auto& from) {
    convolve<F>(from, to, filters,
                {ending.bias ? static_cast<float*>(by_phase) : nullptr, ending.activation});
  });
}

void grad_weight(const Geometry& g, const float* x, const float* dy, float* dw) {
  const Filters filters = filters_of(g, dw, false);
  with_sides(g, x, dy, [&]<class F>(const auto& vectors, const auto& rows) {
    correlate<F>(rows, vectors, filters);
  });
}

}  // namespace gradus::cpu::convolution::winograd
