#include "tests/op_cases.h"

namespace gradus {
namespace {

void add_reshape_cases(std::vector<OpCase>& cases) {
  const std::pair<Shape, Shape> shapes[] = {{{2, 6}, {3, 4}}, {{2, 3, 4}, {24}}, {{1, 1}, {}}};
  for (const auto& [from, to] : shapes)
    cases.push_back({fmt::format("reshape {} to {}", from, to),
                     {{from}},
                     [to = to](const auto& in) { return reshape(in[0], to); },
                     [to = to](const auto& in) {
                       Array y = in[0];
                       y.shape = to;
                       return y;
                     }});
}

void add_slice_cases(std::vector<OpCase>& cases) {
  struct Part {
    Shape shape;
    int axis;
    int64_t begin, end;
  };
  for (const auto& [shape, axis, begin, end] :
       {Part{{7}, 0, 2, 5}, Part{{4, 5, 3}, 0, 1, 3}, Part{{4, 5, 3}, 1, 0, 5},
        Part{{4, 5, 3}, 1, 4, 5}, Part{{4, 5, 3}, -1, 1, 3}, Part{{2, 3, 2, 2, 2, 4}, 1, 1, 3}})
    cases.push_back({fmt::format("slice {} axis {} from {} to {}", shape, axis, begin, end),
                     {{shape}},
                     [axis = axis, begin = begin, end = end](const auto& in) {
                       return slice(in[0], axis, begin, end);
                     },
                     [axis = axis, begin = begin, end = end](const auto& in) {
                       const int i = axis < 0 ? axis + in[0].shape.rank() : axis;
                       Array y(in[0].shape.with(i, end - begin));
                       size_t at_x = 0, at_y = 0;
                       for_each_index(in[0].shape, [&](const Index& at) {
                         const double x = in[0].v[at_x++];
                         if (at[i] >= begin && at[i] < end) y.v[at_y++] = x;
                       });
                       return y;
                     }});
}

Array concat_loops(const std::vector<Array>& parts, int axis) {
  int64_t total = 0;
  for (const Array& part : parts) total += part.shape[axis];
  Array y(parts[0].shape.with(axis, total));
  size_t i = 0;
  for_each_index(y.shape, [&](const Index& at) {
    Index in_part = at;
    size_t k = 0;
    while (in_part[axis] >= parts[k].shape[axis]) in_part[axis] -= parts[k++].shape[axis];
    y.v[i++] = broadcast_at(parts[k], in_part);
  });
  return y;
}

void add_concat_cases(std::vector<OpCase>& cases) {
  const std::pair<std::vector<OpInput>, int> joins[] = {
      {{{{3}}}, 0},
      {{{{2, 2, 4}}, {{3, 2, 4}}}, 0},
      {{{{2, 2, 4}}, {{2, 3, 4}}, {{2, 2, 4}}}, 1},
      {{{{2, 2, 4}}, {{2, 2, 3}}}, -1},
  };
  for (const auto& [inputs, axis] : joins) {
    const int from_front = axis < 0 ? axis + inputs[0].shape.rank() : axis;
    cases.push_back({fmt::format("concat {} parts axis {}", inputs.size(), axis), inputs,
                     [axis = axis](const auto& in) { return concat(in, axis); },
                     [from_front](const auto& in) { return concat_loops(in, from_front); }});
  }
  cases.push_back({"concat of one twice",
                   {{{2, 3}}},
                   [](const auto& in) {
                     return concat({in[0], in[0]}, 0);
                   },
                   [](const auto& in) {
                     return concat_loops({in[0], in[0]}, 0);
                   }});
}

void add_pad_cases(std::vector<OpCase>& cases) {
  const std::pair<Shape, std::vector<AxisPadding>> pads[] = {
      {{3}, {{2, 1}}},
      {{2, 3, 4}, {{0, 0}, {1, 2}, {0, 0}}},
      {{2, 3, 4}, {{1, 0}, {0, 3}, {2, 2}}},
      {{2, 5, 6, 3}, {{0, 0}, {1, 1}, {2, 0}, {0, 0}}},
      {{}, {}}};
  for (const auto& [shape, axes] : pads)
    for (const double value : {0.0, -1.5}) {
      std::string name = fmt::format("pad {} by {} with", shape, value);
      for (const auto& [before, after] : axes) name += fmt::format(" {}+{}", before, after);
      cases.push_back({name,
                       {{shape}},
                       [axes = axes, value](const auto& in) { return pad(in[0], axes, value); },
                       [axes = axes, value](const auto& in) {
                         Shape padded = in[0].shape;
                         for (int i = 0; i < padded.rank(); ++i)
                           padded = padded.with(i, padded[i] + axes[i].before + axes[i].after);
                         Array y(padded);
                         size_t at_y = 0, at_x = 0;
                         for_each_index(padded, [&](const Index& at) {
                           bool inside = true;
                           for (int i = 0; i < padded.rank(); ++i)
                             inside = inside && at[i] >= axes[i].before &&
                                      at[i] < axes[i].before + in[0].shape[i];
                           y.v[at_y++] = inside ? in[0].v[at_x++] : value;
                         });
                         return y;
                       }});
    }
}

void add_gather_cases(std::vector<OpCase>& cases) {
  const std::pair<Shape, std::vector<int32_t>> gathers[] = {
      {{4}, {3, 0, 3}}, {{4, 3}, {1, 1, 1, 2, 0, 1}}, {{3, 2, 5}, {2}}, {{300, 90}, {}}};
  for (auto [shape, index] : gathers) {
    if (index.empty())
      for (int i = 0; i < 250; ++i) index.push_back(i * 7 % 300);
    cases.push_back(
        {fmt::format("gather {} rows of {}", index.size(), shape),
         {{shape}},
         [index = index](const auto& in) { return gather(in[0], index_like(in[0], index)); },
         [index = index](const auto& in) {
           const int64_t rows = index.size(), width = in[0].v.size() / in[0].shape[0];
           Array y(in[0].shape.with(0, rows));
           for (int64_t i = 0; i < rows; ++i)
             for (int64_t j = 0; j < width; ++j) y.v[i * width + j] = in[0].v[index[i] * width + j];
           return y;
         }});
  }
}

}  // namespace

void add_shaping_cases(std::vector<OpCase>& cases) {
  add_reshape_cases(cases);
  add_slice_cases(cases);
  add_concat_cases(cases);
  add_pad_cases(cases);
  add_gather_cases(cases);
}

}  // namespace gradus
