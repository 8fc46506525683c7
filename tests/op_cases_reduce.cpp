#include <fmt/ranges.h>

#include <algorithm>

#include "tests/op_cases.h"

namespace gradus {
namespace {

using Values = std::vector<double>;

struct Reduce {
  const char* name;
  Var (*call)(const Var&, const Axes&, bool);
  double (*f)(const Values&);
  double range = 2;
};

double sum_of(const Values& v) {
  double sum = 0;
  for (const double x : v) sum += x;
  return sum;
}

double squares_about_mean(const Values& v) {
  const double mean = sum_of(v) / static_cast<double>(v.size());
  double sum = 0;
  for (const double x : v) sum += (x - mean) * (x - mean);
  return sum;
}

double logsumexp_of(const Values& v) {
  const double max = *std::max_element(v.begin(), v.end());
  double sum = 0;
  for (const double x : v) sum += std::exp(x - max);
  return max + std::log(sum);
}

const Reduce kReduce[] = {
    {"sum", sum, sum_of},
    {"mean", mean, [](const Values& v) { return sum_of(v) / static_cast<double>(v.size()); }},
    {"max", max, [](const Values& v) { return *std::max_element(v.begin(), v.end()); }},
    {"logsumexp", logsumexp, logsumexp_of},
    {"logsumexp of large values", logsumexp, logsumexp_of, 100},
    {"var", [](const Var& x, const Axes& axes, bool keep) { return var(x, axes, keep); },
     [](const Values& v) { return squares_about_mean(v) / static_cast<double>(v.size()); }},
};

const std::pair<Shape, std::vector<int>> kReductions[] = {
    {{}, {}},
    {{1}, {0}},
    {{5}, {}},
    {{3, 4, 5}, {}},
    {{3, 4, 5}, {0}},
    {{3, 4, 5}, {1}},
    {{3, 4, 5}, {-1}},
    {{3, 4, 5}, {0, 1}},
    {{3, 4, 5}, {2, 0}},
    {{3, 4, 5}, {1, 2}},
    {{3, 4, 5}, {0, 1, -1}},
    {{2, 3, 4, 5}, {1, 2}},
    {{2, 3, 4, 5}, {0, 1, 2}},
    {{2, 3, 4, 5}, {0, 3}},
    {{2, 1, 4, 1}, {1, 2}},
    {{2, 1, 4, 1}, {1, 3}},
    {{2, 2, 2, 2, 2, 3}, {1, 3, 4}},
    {{9000, 3}, {0}},
    {{3, 9000}, {1}},
    {{40, 500, 2}, {1}},
    {{70000}, {}},
};

/// f of the elements of x that share the coordinates along the axes that stay.
Array reduce_loops(const Array& x, const std::vector<int>& axes, bool keep,
                   double (*f)(const Values&)) {
  std::vector<bool> gone(x.shape.rank(), axes.empty());
  for (const int a : axes) gone[a < 0 ? a + x.shape.rank() : a] = true;
  Shape kept = x.shape;
  std::vector<int64_t> dropped;
  for (int i = 0; i < x.shape.rank(); ++i)
    if (gone[i])
      kept = kept.with(i, 1);
    else
      dropped.push_back(x.shape[i]);
  std::vector<Values> cells(kept.count());
  size_t i = 0;
  for_each_index(x.shape, [&](const Index& at) {
    int64_t cell = 0;
    for (int k = 0; k < x.shape.rank(); ++k) cell = cell * kept[k] + (gone[k] ? 0 : at[k]);
    cells[cell].push_back(x.v[i++]);
  });
  Array y(keep ? kept : Shape(dropped));
  for (size_t c = 0; c < cells.size(); ++c) y.v[c] = f(cells[c]);
  return y;
}

Array softmax_loops(const Array& x, int axis, bool logarithm) {
  const Array lse = reduce_loops(x, {axis}, true, logsumexp_of);
  Array y(x.shape);
  size_t i = 0;
  for_each_index(x.shape, [&](const Index& at) {
    const double log_p = x.v[i] - broadcast_at(lse, at);
    y.v[i++] = logarithm ? log_p : std::exp(log_p);
  });
  return y;
}

void add_softmax_cases(std::vector<OpCase>& cases) {
  const std::pair<Shape, int> shapes[] = {{{4, 7}, -1}, {{4, 7}, 0}, {{2, 3, 4}, 1}, {{5}, 0}};
  for (const auto& [shape, axis] : shapes)
    for (const bool logarithm : {false, true})
      // Probabilities of far larger logits change too little for differences to see.
      for (const double range : {3.0, logarithm ? 1000.0 : 8.0})
        cases.push_back({fmt::format("{} {} axis {} within {}",
                                     logarithm ? "log_softmax" : "softmax", shape, axis, range),
                         {{shape, -range, range}},
                         [axis = axis, logarithm](const auto& in) {
                           return logarithm ? log_softmax(in[0], axis) : softmax(in[0], axis);
                         },
                         [axis = axis, logarithm](const auto& in) {
                           return softmax_loops(in[0], axis, logarithm);
                         }});
}

/// Rows that sum to 1, where softmax - labels is the derivative.
Array soft_labels(const Shape& shape) {
  Array labels = random_array(shape, 0, 1, 21);
  for (int64_t n = 0; n < shape[0]; ++n) {
    double sum = 0;
    for (int64_t c = 0; c < shape[1]; ++c) sum += labels(n, c);
    for (int64_t c = 0; c < shape[1]; ++c) labels(n, c) /= sum;
  }
  return labels;
}

void add_labelled_cross_entropy_cases(std::vector<OpCase>& cases) {
  const std::pair<Shape, std::vector<int32_t>> labelled[] = {
      {{5, 4}, {0, 3, 1, 3, 2}}, {{4}, {2}}, {{2, 3, 7}, {6, 0, 0, 5, 1, 2}}};
  for (const auto& [shape, labels] : labelled)
    for (const std::optional<int32_t> ignored : {std::optional<int32_t>{}, {3}, {-100}})
      for (const Total total : {Total::mean, Total::sum}) {
        std::vector<int32_t> given = labels;
        if (ignored == -100 && given.size() > 1) given[1] = -100;
        cases.push_back(
            {fmt::format("cross_entropy {} labels {}{}{}", shape, fmt::join(given, ", "),
                         ignored ? fmt::format(" without {}", *ignored) : "",
                         total == Total::mean ? "" : " in sum"),
             {{shape, -4, 4}},
             [=](const auto& in) {
               const Shape rows(in[0].shape().extents().first(in[0].shape().rank() - 1));
               return cross_entropy(in[0], index_like(in[0], given).reshape(rows),
                                    {.ignore_index = ignored, .total = total});
             },
             [=](const auto& in) {
               const Array log_p = softmax_loops(in[0], in[0].shape.rank() - 1, true);
               const size_t classes = in[0].shape[-1];
               Array y;
               double rows = 0;
               for (size_t i = 0; i < given.size(); ++i)
                 if (given[i] != ignored) {
                   y.v[0] -= log_p.v[i * classes + given[i]];
                   ++rows;
                 }
               if (total == Total::mean) y.v[0] /= rows;
               return y;
             }});
      }
}

void add_cross_entropy_cases(std::vector<OpCase>& cases) {
  for (const auto& [shape, range] : {std::pair{Shape{5, 11}, 2.0}, std::pair{Shape{5, 11}, 100.0},
                                     std::pair{Shape{70, 40}, 2.0}}) {
    const Array labels = soft_labels(shape);
    cases.push_back({fmt::format("softmax_cross_entropy {} within {}", shape, range),
                     {{shape, -range, range}},
                     [labels](const auto& in) {
                       return softmax_cross_entropy(in[0], constant_like(in[0], labels));
                     },
                     [labels](const auto& in) {
                       const Array log_p = softmax_loops(in[0], 1, true);
                       Array y(Shape{in[0].shape[0]});
                       for (int64_t n = 0; n < y.shape[0]; ++n)
                         for (int64_t c = 0; c < in[0].shape[1]; ++c)
                           y(n) -= labels(n, c) * log_p(n, c);
                       return y;
                     }});
  }
  const std::pair<Shape, Shape> shapes[] = {
      {{3, 4}, {3, 4}}, {{3, 4}, {}}, {{3, 4}, {3, 1}}, {{6}, {6}}};
  for (const auto& [shape, labels_shape] : shapes) {
    const Array labels = random_array(labels_shape, 0, 1, 22);
    cases.push_back({fmt::format("sigmoid_cross_entropy {} labels {}", shape, labels_shape),
                     {{shape, -5, 5}},
                     [labels](const auto& in) {
                       return sigmoid_cross_entropy(in[0], constant_like(in[0], labels));
                     },
                     [labels](const auto& in) {
                       Array y(in[0].shape);
                       size_t i = 0;
                       for_each_index(y.shape, [&](const Index& at) {
                         const double p = 1 / (1 + std::exp(-in[0].v[i]));
                         const double label = broadcast_at(labels, at);
                         y.v[i++] = -label * std::log(p) - (1 - label) * std::log(1 - p);
                       });
                       return y;
                     }});
  }
}

}  // namespace

void add_reduce_cases(std::vector<OpCase>& cases) {
  for (const Reduce& r : kReduce)
    for (const auto& [shape, axes] : kReductions)
      for (const bool keep : {false, true})
        cases.push_back(
            {fmt::format("{} {} axes {{{}}}{}", r.name, shape, fmt::join(axes, ", "),
                         keep ? " kept" : ""),
             {{shape, -r.range, r.range}},
             [&r, axes = axes, keep](const auto& in) { return r.call(in[0], axes, keep); },
             [&r, axes = axes, keep](const auto& in) {
               return reduce_loops(in[0], axes, keep, r.f);
             }});
  add_softmax_cases(cases);
  add_cross_entropy_cases(cases);
  add_labelled_cross_entropy_cases(cases);
  cases.push_back({"var [3, 4] axes {1} unbiased",
                   {{{3, 4}}},
                   [](const auto& in) { return var(in[0], {1}, false, 1); },
                   [](const auto& in) {
                     return reduce_loops(in[0], {1}, false,
                                         [](const Values& v) { return squares_about_mean(v) / 3; });
                   }});
}

}  // namespace gradus
