#include <omp.h>

#include <algorithm>
#include <limits>

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

/// Floats of images that all rows of points of a gradient pass over before the next.
constexpr int64_t kBlock = 1 << 19;

/// [begin, end) of part i of n things, `step` at a time.
Range part(int64_t i, int64_t step, int64_t n) { return {i * step, std::min(n, (i + 1) * step)}; }
int64_t parts(int64_t n, int64_t step) { return (n + step - 1) / step; }

/// `step` or less, so that n things make at least `wanted` parts of at least `least`.
int64_t smaller_step(int64_t n, int64_t wanted, int64_t step, int64_t least) {
  while (parts(n, step) < wanted && step > least) step = std::max(least, step / 2);
  return step;
}

/// sums [rows, vectors] = a [rows, n] * b [n, vectors].
void multiply_rows(int64_t rows, int64_t vectors, int64_t n, const float* a, const float* b,
                   float* sums) {
  const int64_t width = vectors * kLanes;
  for_each_product(rows, vectors, n, {a, n, 1}, b, width, [=](int64_t i, int64_t v, Vector sum) {
    store(sum, sums + i * width + v * kLanes);
  });
}

/// sums [rows, vectors] = or, if `add`, += a^T * b for a [n, rows] and b [n, vectors].
void correlate_rows(int64_t rows, int64_t vectors, int64_t n, const float* a, const float* b,
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
    const int64_t all = rows * (filter < F::kFilters - 1 ? 1 : F::kPoints - filter);
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
    const int64_t all = n * (filter < F::kFilters - 1 ? 1 : F::kPoints - filter);
    correlate_rows(rows, vectors, all, a, b, add, sums);
    a += all * rows;
    b += all * width;
  }
}

/// to = from * filters, and the ending, whose bias is that of each vector. A job makes some vectors
/// of some images, one row of points after the other.
template <class F, class From, class To>
void convolve(const From& from, const To& to, const Filters& filters, const Ending& ending) {
  constexpr int kPoints = F::kPoints, kFilters = F::kFilters, kWindow = To::kWindow;
  const int64_t in_vectors = from.grid.vectors(), out_vectors = to.grid.vectors();
  const int64_t channels = in_vectors * kLanes, per_image = from.tiles.per_image();
  const int64_t threads = omp_get_max_threads(), all_images = from.tiles.images;
  const int64_t wide = std::min(out_vectors, kJobVectors), slices = parts(out_vectors, wide);
  const int64_t images = smaller_step(all_images, parts(threads, slices),
                                      std::max<int64_t>(1, kJobTiles / per_image), 1);
  const int64_t jobs = slices * parts(all_images, images), most = wide * kLanes;
  const auto slice_of = [&](int64_t i) { return part(i % slices, wide, out_vectors); };

  // The filters' points, a slice after the other. The gap keeps what is written at one time from
  // falling on the same lines of the caches.
  const int64_t u_step = channels * most + kLanes, u_slice = kFilters * kFilters * u_step;
  const Scratch all_u(slices * u_slice);
  float* const u0 = all_u;
  parallel_for(slices * channels, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i % channels, slice = i / channels;
      const Range columns = slice_of(slice);
      filters.template to_points<F>(row, columns,
                                    u0 + slice * u_slice + row * columns.size() * kLanes, u_step);
    }
  });

  const int64_t in_size = kPoints * kTileRows * channels, sums_size = kPoints * kTileRows * most,
                columns_size = kPoints * kWindow * images * per_image * most;
  const PartsScratch scratch(jobs, in_size + sums_size + columns_size);
  parallel_for(jobs, 1, [&](int64_t begin, int64_t end) {
    float *const in = scratch.take(), *const sums = in + in_size, *const columns = sums + sums_size;
    for (int64_t job = begin; job < end; ++job) {
      const Range slice = slice_of(job), some = part(job / slices, images, all_images);
      const Range tiles{some.begin * per_image, some.end * per_image};
      const int64_t width = slice.size() * kLanes, step = tiles.size() * width;
      unrolled<kPoints>([&]<int kRow>() {
        const float* const u =
            u0 + job % slices * u_slice + std::min(kRow, kFilters - 1) * kFilters * u_step;
        for (int64_t t = tiles.begin; t < tiles.end; t += kTileRows) {
          const Range rows{t, std::min<int64_t>(t + kTileRows, tiles.end)};
          from.template to_points<kRow>(rows, {0, in_vectors}, in);
          multiply_points<F>(rows.size(), slice.size(), channels, in, u, u_step, sums);
          to.columns_from_points(rows.size() * width, sums,
                                 columns + kRow * kWindow * step + (t - tiles.begin) * width, step);
        }
      });
      to.from_columns(tiles, slice, columns, ending);
    }
  });
}

/// filters = for each row and vector of channels, sums over the tiles. A job makes half of the rows
/// of points of some filters.
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
          float* const u = u0 + piece * u_piece + std::min(kRow, kFilters - 1) * kFilters * u_step;
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

/// 3 x 3 taps, of a convolution with the strides 1 or 2.
bool is_3x3(const Geometry& g) {
  return g.r == 3 && g.s == 3 && g.stride_h == g.stride_w && g.stride_h <= 2 && g.pad_top >= 0 &&
         g.pad_left >= 0 && g.pad_bottom() >= 0 && g.pad_right() >= 0;
}

/// How tiles are laid over a convolution.
struct Plan {
  bool by_places;    ///< is_halving's way
  int stride;        ///< of the filters between places
  int64_t outputs;   ///< a side of a tile
  int64_t products;  ///< of channels by channels
};

/// The plan that needs the fewest products.
Plan plan_of(const Geometry& g) {
  Plan best{false, 0, 0, std::numeric_limits<int64_t>::max()};
  const auto consider = [&](bool by_places, int stride, int64_t outputs, int64_t points) {
    const int64_t phases = by_places ? 4 : 1;
    const int64_t products =
        g.n * parts(g.p, outputs) * parts(g.q, outputs) * points * points * phases;
    if (products < best.products) best = {by_places, stride, outputs, products};
  };
  for (const bool by_places : {false, true}) {
    if (by_places ? !g.has_places() : !is_3x3(g)) continue;
    if (!by_places && g.stride_h == 2) {
      consider(false, 2, Strided::kOutputs, Strided::kPoints);
      continue;
    }
    consider(by_places, 1, 4, Dense<4>::kPoints);
    consider(by_places, 1, 2, Dense<2>::kPoints);
  }
  return best;
}

/// A convolution by its plan: the two images' sides and the filters.
class Problem {
 public:
  explicit Problem(const Geometry& g)
      : g_(g), plan_(plan_of(g)), phases_(plan_.by_places ? 4 : 1), zeros_((g.w + 2) * g.c + g.k) {
    std::fill_n(static_cast<float*>(zeros_), (g.w + 2) * g.c + g.k, 0.f);
  }

  int64_t phases() const { return phases_; }

  /// Channels of y and of x's places in w [K, R, S, C] as rows and vectors; with `by_tap` those of
  /// x are rows, those of y vectors, and w is [R, S, C, K].
  Filters filters(const float* w, bool by_tap) const {
    const int64_t c_step = by_tap ? g_.k : 1, k_step = by_tap ? 1 : g_.r * g_.s * g_.c;
    const Filters::Channels x{phases_, g_.c, c_step}, y{1, g_.k, k_step};
    Filters f{const_cast<float*>(w), by_tap ? x : y, by_tap ? y : x, {}, zeros_};
    std::fill_n(&f.taps[0][0][0], std::size(f.taps) * 9, -1);
    for (int64_t r = 0; r < g_.r; ++r)
      for (int64_t s = 0; s < g_.s; ++s) {
        const int64_t tap = (r * g_.s + s) * g_.c * c_step;
        if (plan_.by_places) {
          // With the roles exchanged a place meets the taps in reverse.
          const PlaceTap row = place_tap(r, g_.pad_top), column = place_tap(s, g_.pad_left);
          f.taps[2 * row.pixel + column.pixel][2 - row.tap][2 - column.tap] = tap;
        } else {
          f.taps[0][r][s] = tap;
        }
      }
    return f;
  }

  /// Calls fn.template operator()<F>(side of x, side of y).
  template <class Fn>
  void with_sides(const float* x, const float* y, const Fn& fn) const {
    const auto call = [&]<class F>() {
      const Tiles tiles{g_.n, parts(g_.p, F::kOutputs), parts(g_.q, F::kOutputs)};
      if (!plan_.by_places)
        fn.template operator()<F>(Side<F, true>{x_grid(x), tiles, g_.pad_top, g_.pad_left},
                                  Side<F, false>{y_grid(y), tiles});
      else if constexpr (F::kStride == 1)
        fn.template operator()<F>(Side<F, false>{x_grid(x), tiles},
                                  Side<F, true>{y_grid(y), tiles, 1, 1});
    };
    if (plan_.stride == 2)
      call.template operator()<Strided>();
    else if (plan_.outputs == 4)
      call.template operator()<Dense<4>>();
    else
      call.template operator()<Dense<2>>();
  }

 private:
  Grid y_grid(const float* y) const {
    Grid grid{const_cast<float*>(y), g_.p, g_.q, g_.p * g_.q * g_.k, g_.q * g_.k, g_.k, {}, zeros_};
    for (int64_t k = 0; k < g_.k; k += kLanes) grid.vector.push_back(k);
    return grid;
  }

  Grid x_grid(const float* x) const {
    const int64_t side = plan_.by_places ? 2 : 1;  // pixels of a place
    const int64_t row = g_.w * g_.c;
    Grid grid{const_cast<float*>(x), g_.h / side, g_.w / side, g_.h * row, side * row,
              side * g_.c,           {},          zeros_};
    for (int64_t u = 0; u < side; ++u)
      for (int64_t v = 0; v < side; ++v)
        for (int64_t c = 0; c < g_.c; c += kLanes) grid.vector.push_back(u * row + v * g_.c + c);
    return grid;
  }

  const Geometry& g_;
  Plan plan_;
  int phases_;
  Scratch zeros_;
};

}  // namespace

bool takes(const Geometry& g) {
  return g.is_plain() && g.c % kLanes == 0 && g.k % kLanes == 0 && (is_3x3(g) || g.has_places());
}

int64_t tiles(const Geometry& g) {
  const int64_t outputs = plan_of(g).outputs;
  return g.n * parts(g.p, outputs) * parts(g.q, outputs);
}

int64_t products(const Geometry& g) { return plan_of(g).products; }

void forward(const Geometry& g, const float* x, const float* w, const Ending& ending, float* y) {
  const int64_t filter = g.r * g.s * g.c;
  const Scratch by_tap(filter * g.k);
  transpose(g.k, filter, w, by_tap);
  const Problem problem(g);
  const Filters filters = problem.filters(by_tap, true);
  problem.with_sides(x, y, [&]<class F>(const auto& from, const auto& to) {
    convolve<F>(from, to, filters, ending);
  });
}

void grad_input(const Geometry& g, const float* w, const float* dy, const Ending& ending,
                float* dx) {
  const Problem problem(g);
  const Filters filters = problem.filters(w, false);
  const Scratch by_phase(problem.phases() * g.c);
  if (ending.bias)
    for (int64_t phase = 0; phase < problem.phases(); ++phase)
      std::copy_n(ending.bias, g.c, by_phase + phase * g.c);
  problem.with_sides(dx, dy, [&]<class F>(const auto& to, const auto& from) {
    convolve<F>(from, to, filters,
                {ending.bias ? static_cast<float*>(by_phase) : nullptr, ending.activation});
  });
}

void grad_weight(const Geometry& g, const float* x, const float* dy, float* dw) {
  const Problem problem(g);
  const Filters filters = problem.filters(dw, false);
  problem.with_sides(x, dy, [&]<class F>(const auto& vectors, const auto& rows) {
    correlate<F>(rows, vectors, filters);
  });
}

}  // namespace gradus::cpu::convolution::winograd
