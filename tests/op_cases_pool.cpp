#include "tests/op_cases.h"

namespace gradus {
namespace {

/// fn(elements of the window within the image) for each window and channel.
template <class Fn>
Array pool_loops(const Array& x, const PoolOptions& o, const Fn& fn) {
  const Padding& pad = o.padding;
  int64_t p, q, top = pad.top, left = pad.left;
  if (pad.kind == Padding::Kind::same) {
    p = (x.shape[1] + o.stride_h - 1) / o.stride_h;
    q = (x.shape[2] + o.stride_w - 1) / o.stride_w;
    top = std::max<int64_t>((p - 1) * o.stride_h + o.kernel_h - x.shape[1], 0) / 2;
    left = std::max<int64_t>((q - 1) * o.stride_w + o.kernel_w - x.shape[2], 0) / 2;
  } else {
    p = (x.shape[1] + top + pad.bottom - o.kernel_h) / o.stride_h + 1;
    q = (x.shape[2] + left + pad.right - o.kernel_w) / o.stride_w + 1;
  }
  Array y({x.shape[0], p, q, x.shape[3]});
  for_each_index(y.shape, [&](const Index& at) {
    std::vector<double> window;
    for (int64_t r = 0; r < o.kernel_h; ++r)
      for (int64_t s = 0; s < o.kernel_w; ++s) {
        const int64_t i = at[1] * o.stride_h - top + r, j = at[2] * o.stride_w - left + s;
        if (i >= 0 && i < x.shape[1] && j >= 0 && j < x.shape[2])
          window.push_back(x(at[0], i, j, at[3]));
      }
    y(at[0], at[1], at[2], at[3]) = fn(window);
  });
  return y;
}

double sum_of(const std::vector<double>& window) {
  double sum = 0;
  for (const double x : window) sum += x;
  return sum;
}

struct Pool {
  Shape x;
  PoolOptions o;
};

const Pool kPools[] = {
    {{2, 6, 8, 3}, {}},
    {{1, 7, 5, 2}, {2, 2, 2, 2}},
    {{2, 7, 6, 3}, {3, 2, 1, 3, Padding::same()}},
    {{1, 6, 7, 1}, {3, 3, 2, 2, Padding::same()}},
    {{1, 5, 6, 4}, {3, 4, 2, 1, Padding::of(1, 2, 3, 0)}},
    {{2, 4, 4, 5}, {4, 4, 1, 1}},
    {{1, 5, 5, 2}, {1, 1, 2, 3}},
    {{2, 3, 4, 2}, {5, 5, 1, 1, Padding::of(4, 4, 2, 3)}},
    {{4, 20, 20, 33}, {3, 3, 2, 2, Padding::same()}},
};

/// The pixel at a place between centres, the image going on at its edges as its outermost pixels.
double bilinear_at(const Array& x, int64_t n, double i, double j, int64_t c) {
  const int64_t top = static_cast<int64_t>(std::floor(i)),
                left = static_cast<int64_t>(std::floor(j));
  double sum = 0;
  for (const int64_t r : {top, top + 1})
    for (const int64_t s : {left, left + 1})
      sum += (1 - std::abs(i - r)) * (1 - std::abs(j - s)) *
             x(n, std::clamp<int64_t>(r, 0, x.shape[1] - 1),
               std::clamp<int64_t>(s, 0, x.shape[2] - 1), c);
  return sum;
}

void add_upsample_cases(std::vector<OpCase>& cases) {
  const auto enlarged = [](const Array& x, int factor, const auto& fn) {
    Array y({x.shape[0], x.shape[1] * factor, x.shape[2] * factor, x.shape[3]});
    for_each_index(y.shape, [&](const Index& at) {
      y(at[0], at[1], at[2], at[3]) = fn(at[0], at[1], at[2], at[3]);
    });
    return y;
  };
  for (const Shape& x : {Shape{2, 3, 4, 2}, Shape{1, 1, 5, 3}, Shape{1, 4, 1, 1}})
    for (const int f : {1, 2, 3, 4}) {
      cases.push_back({fmt::format("upsample_nearest2d {} by {}", x, f),
                       {{x}},
                       [f](const auto& in) { return upsample_nearest2d(in[0], f); },
                       [f, enlarged](const auto& in) {
                         return enlarged(in[0], f, [&](int64_t n, int64_t i, int64_t j, int64_t c) {
                           return in[0](n, i / f, j / f, c);
                         });
                       }});
      cases.push_back({fmt::format("upsample_bilinear2d {} by {}", x, f),
                       {{x}},
                       [f](const auto& in) { return upsample_bilinear2d(in[0], f); },
                       [f, enlarged](const auto& in) {
                         return enlarged(in[0], f, [&](int64_t n, int64_t i, int64_t j, int64_t c) {
                           return bilinear_at(in[0], n, (i + 0.5) / f - 0.5, (j + 0.5) / f - 0.5,
                                              c);
                         });
                       }});
    }
}

}  // namespace

void add_pool_cases(std::vector<OpCase>& cases) {
  for (const auto& [x, o] : kPools) {
    const std::string name =
        fmt::format("{} by {}x{} stride {}x{}", x, o.kernel_h, o.kernel_w, o.stride_h, o.stride_w);
    cases.push_back({"max_pool2d " + name,
                     {{x}},
                     [o = o](const auto& in) { return max_pool2d(in[0], o); },
                     [o = o](const auto& in) {
                       return pool_loops(in[0], o, [](const std::vector<double>& window) {
                         return *std::max_element(window.begin(), window.end());
                       });
                     }});
    cases.push_back({"avg_pool2d " + name,
                     {{x}},
                     [o = o](const auto& in) { return avg_pool2d(in[0], o); },
                     [o = o](const auto& in) {
                       return pool_loops(in[0], o, [](const std::vector<double>& window) {
                         return sum_of(window) / double(window.size());
                       });
                     }});
    cases.push_back({"avg_pool2d over taps " + name,
                     {{x}},
                     [o = o](const auto& in) { return avg_pool2d(in[0], o, Divisor::taps); },
                     [o = o](const auto& in) {
                       return pool_loops(in[0], o, [&](const std::vector<double>& window) {
                         return sum_of(window) / (o.kernel_h * o.kernel_w);
                       });
                     }});
  }
  for (const Shape& x : {Shape{3, 4, 5, 2}, Shape{1, 1, 1, 3}})
    cases.push_back({fmt::format("global_avg_pool2d {}", x),
                     {{x}},
                     [](const auto& in) { return global_avg_pool2d(in[0]); },
                     [](const auto& in) {
                       Array y({in[0].shape[0], in[0].shape[3]});
                       for_each_index(in[0].shape, [&](const Index& at) {
                         y(at[0], at[3]) += in[0](at[0], at[1], at[2], at[3]) /
                                            double(in[0].shape[1] * in[0].shape[2]);
                       });
                       return y;
                     }});
  add_upsample_cases(cases);
}

}  // namespace gradus
