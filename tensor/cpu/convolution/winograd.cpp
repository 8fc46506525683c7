#include <algorithm>
#include <iterator>
#include <limits>

#include "tensor/cpu/convolution/algorithms.h"
#include "tensor/cpu/convolution/winograd_jobs.h"
#include "tensor/cpu/scratch.h"
#include "tensor/cpu/transpose.h"

namespace gradus::cpu::convolution::winograd {
namespace {

/// 3 x 3 taps, of a convolution with the strides 1 or 2.
bool is_3x3(const Geometry& g) {
  return g.r == 3 && g.s == 3 && g.stride_h == g.stride_w && g.stride_h <= 2 && g.pad_top >= 0 &&
         g.pad_left >= 0 && g.pad_bottom() >= 0 && g.pad_right() >= 0;
}

/// How tiles are laid over a convolution.
struct Plan {
  bool by_quads;     ///< between y and quads (geometry.h), with stride 1
  int64_t outputs;   ///< a side of a tile
  int64_t products;  ///< of channels by channels
};

/// The plan that needs the fewest products.
Plan plan_of(const Geometry& g) {
  Plan best{false, 0, std::numeric_limits<int64_t>::max()};
  const auto consider = [&](bool by_quads, int64_t outputs, int64_t points) {
    const int64_t phases = by_quads ? 4 : 1;
    const int64_t products =
        g.n * parts(g.p, outputs) * parts(g.q, outputs) * points * points * phases;
    if (products < best.products) best = {by_quads, outputs, products};
  };
  if (is_3x3(g) && g.stride_h == 2) consider(false, Strided::kOutputs, Strided::kPoints);
  if (g.stride_h == 1 || g.has_quads()) {
    consider(g.has_quads(), 4, Dense<4>::kPoints);
    consider(g.has_quads(), 2, Dense<2>::kPoints);
  }
  return best;
}

/// A convolution by its plan: the two images' sides and the filters.
class Problem {
 public:
  explicit Problem(const Geometry& g)
      : g_(g), plan_(plan_of(g)), phases_(plan_.by_quads ? 4 : 1), zeros_((g.w + 2) * g.c + g.k) {
    std::fill_n(static_cast<float*>(zeros_), (g.w + 2) * g.c + g.k, 0.f);
  }

  int64_t phases() const { return phases_; }

  /// Channels of y and of x's quads in w [K, R, S, C] as rows and vectors; with `by_tap` those of
  /// x are rows, those of y vectors, and w is [R, S, C, K].
  Filters filters(const float* w, bool by_tap) const {
    const int64_t c_step = by_tap ? g_.k : 1;
    const Filters::Channels x{phases_, g_.c}, y{1, g_.k};
    Filters f{const_cast<float*>(w),
              by_tap ? x : y,
              by_tap ? y : x,
              by_tap ? g_.k : g_.r * g_.s * g_.c,
              {},
              zeros_};
    std::fill_n(&f.taps[0][0][0], std::size(f.taps) * 9, -1);
    for (int64_t r = 0; r < g_.r; ++r)
      for (int64_t s = 0; s < g_.s; ++s) {
        const int64_t tap = (r * g_.s + s) * g_.c * c_step;
        if (plan_.by_quads) {
          // With the roles exchanged a quad meets the taps in reverse.
          const QuadTap row = quad_tap(r, g_.pad_top), column = quad_tap(s, g_.pad_left);
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
      if constexpr (F::kStride == 1)
        if (plan_.by_quads)
          return fn.template operator()<F>(Side<F, false>{x_grid(x), tiles},
                                           Side<F, true>{y_grid(y), tiles, 1, 1});
      fn.template operator()<F>(Side<F, true>{x_grid(x), tiles, g_.pad_top, g_.pad_left},
                                Side<F, false>{y_grid(y), tiles});
    };
    if (g_.stride_h == 2 && !plan_.by_quads)
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
    const int64_t side = plan_.by_quads ? 2 : 1;  // pixels of a quad
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
  return g.is_plain() && g.c % kLanes == 0 && g.k % kLanes == 0 && (is_3x3(g) || g.has_quads());
}

int64_t tiles(const Geometry& g) {
  const int64_t outputs = plan_of(g).outputs;
  return g.n * parts(g.p, outputs) * parts(g.q, outputs);
}

int64_t products(const Geometry& g) { return plan_of(g).products; }

void forward(const Geometry& g, const float* x, const float* w, const RawEpilogue& epilogue,
             float* y) {
  const int64_t filter = g.r * g.s * g.c;
  const Scratch by_tap(filter * g.k);
  transpose(g.k, filter, w, by_tap);
  const Problem problem(g);
  const Filters filters = problem.filters(by_tap, true);
  problem.with_sides(x, y, [&]<class F>(const auto& from, const auto& to) {
    convolve<F>(from, to, filters, epilogue);
  });
}

void grad_input(const Geometry& g, const float* w, const float* dy, const RawEpilogue& epilogue,
                float* dx) {
  const Problem problem(g);
  const Filters filters = problem.filters(w, false);
  const Scratch by_phase(problem.phases() * g.c);
  if (epilogue.bias)
    for (int64_t phase = 0; phase < problem.phases(); ++phase)
      std::copy_n(epilogue.bias, g.c, by_phase + phase * g.c);
  problem.with_sides(dx, dy, [&]<class F>(const auto& to, const auto& from) {
    convolve<F>(from, to, filters,
                {epilogue.bias ? static_cast<float*>(by_phase) : nullptr, epilogue.activation});
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
