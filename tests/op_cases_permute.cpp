#include <fmt/ranges.h>

#include "tests/op_cases.h"

namespace gradus {
namespace {

/// y[at] = x[from(at)].
template <class From>
Array rearranged(const Array& x, const Shape& shape, const From& from) {
  Array y(shape);
  size_t i = 0;
  for_each_index(shape, [&](const Index& at) { y.v[i++] = broadcast_at(x, from(at)); });
  return y;
}

void add_axes_cases(std::vector<OpCase>& cases) {
  const std::pair<Shape, std::vector<int>> permutations[] = {
      {{}, {}},
      {{5}, {0}},
      {{3, 4}, {1, 0}},
      {{2, 3, 4}, {2, 0, 1}},
      {{2, 3, 4}, {0, -1, 1}},
      {{2, 5, 6, 3}, {0, 3, 1, 2}},
      {{2, 1, 3, 1, 2, 4}, {5, 1, 3, 0, 4, 2}},
      {{300, 70}, {1, 0}}};
  for (const auto& [shape, axes] : permutations)
    cases.push_back({fmt::format("permute {} by {}", shape, axes),
                     {{shape}},
                     [axes = axes](const auto& in) { return permute(in[0], axes); },
                     [axes = axes](const auto& in) {
                       const int rank = in[0].shape.rank();
                       const auto axis = [&](int i) {
                         return axes[i] < 0 ? axes[i] + rank : axes[i];
                       };
                       Shape shape = in[0].shape;
                       for (int i = 0; i < rank; ++i) shape = shape.with(i, in[0].shape[axis(i)]);
                       return rearranged(in[0], shape, [&](const Index& at) {
                         Index from = at;
                         for (int i = 0; i < rank; ++i) from[axis(i)] = at[i];
                         return from;
                       });
                     }});
  cases.push_back({"transpose [2, 3, 4] axes 0 and -1",
                   {{{2, 3, 4}}},
                   [](const auto& in) { return transpose(in[0], 0, -1); },
                   [](const auto& in) {
                     return rearranged(in[0], {4, 3, 2}, [](const Index& at) {
                       return Index{at[2], at[1], at[0]};
                     });
                   }});
}

void add_flip_cases(std::vector<OpCase>& cases) {
  const std::pair<Shape, std::vector<int>> flips[] = {
      {{5}, {0}}, {{3, 4}, {1}}, {{2, 5, 6, 3}, {2}}, {{2, 3, 4}, {0, -1}}, {{2, 3}, {}}};
  for (const auto& [shape, axes] : flips)
    cases.push_back({fmt::format("flip {} along {}", shape, axes),
                     {{shape}},
                     [axes = axes](const auto& in) { return flip(in[0], axes); },
                     [axes = axes](const auto& in) {
                       const Shape& s = in[0].shape;
                       return rearranged(in[0], s, [&](const Index& at) {
                         Index from = at;
                         for (const int a : axes) {
                           const int i = a < 0 ? a + s.rank() : a;
                           from[i] = s[i] - 1 - at[i];
                         }
                         return from;
                       });
                     }});
  for (const int64_t shift : {0, 1, -1, 3, 8, -13})
    cases.push_back({fmt::format("roll [2, 5, 3] by {}", shift),
                     {{{2, 5, 3}}},
                     [shift](const auto& in) { return roll(in[0], shift, -2); },
                     [shift](const auto& in) {
                       return rearranged(in[0], in[0].shape, [&](const Index& at) {
                         return Index{at[0], (at[1] - shift + 20) % 5, at[2]};
                       });
                     }});
}

void add_broadcast_cases(std::vector<OpCase>& cases) {
  const std::pair<Shape, Shape> shapes[] = {
      {{}, {3}}, {{4}, {4}}, {{3, 1}, {3, 5}}, {{1, 4}, {2, 3, 4}}, {{2, 1, 3, 1}, {2, 4, 3, 5}}};
  for (const auto& [from, to] : shapes)
    cases.push_back({fmt::format("broadcast {} to {}", from, to),
                     {{from}},
                     [to = to](const auto& in) { return broadcast_to(in[0], to); },
                     [to = to](const auto& in) {
                       return rearranged(in[0], to, [](const Index& at) { return at; });
                     }});
}

void add_stack_cases(std::vector<OpCase>& cases) {
  for (const int axis : {0, 1, 2, -1})
    cases.push_back({fmt::format("stack three [2, 3] along {}", axis),
                     {{{2, 3}}, {{2, 3}}, {{2, 3}}},
                     [axis](const auto& in) { return stack(in, axis); },
                     [axis](const auto& in) {
                       const int i = axis < 0 ? axis + 3 : axis;
                       const Shape shapes[] = {{3, 2, 3}, {2, 3, 3}, {2, 3, 3}};
                       Array y(shapes[i]);
                       size_t k = 0;
                       for_each_index(y.shape, [&](const Index& at) {
                         Index in_part = at;
                         in_part.erase(in_part.begin() + i);
                         y.v[k++] = broadcast_at(in[at[i]], in_part);
                       });
                       return y;
                     }});
  cases.push_back({"split [2, 6] into 1, 0, 3, 2",
                   {{{2, 6}}},
                   [](const auto& in) {
                     const std::vector<Var> parts = split(in[0], {1, 0, 3, 2}, 1);
                     return concat({parts[3], parts[1], parts[2] * 2}, -1);
                   },
                   [](const auto& in) {
                     Array y({2, 5});
                     for (int64_t i = 0; i < 2; ++i)
                       for (int64_t j = 0; j < 5; ++j)
                         y(i, j) = j < 2 ? in[0](i, 4 + j) : 2 * in[0](i, j - 1);
                     return y;
                   }});
  cases.push_back({"reshape [2, 6] to [3, -1]",
                   {{{2, 6}}},
                   [](const auto& in) {
                     return reshape(in[0], {3, -1});
                   },
                   [](const auto& in) {
                     Array y({3, 4});
                     y.v = in[0].v;
                     return y;
                   }});
}

}  // namespace

void add_permute_cases(std::vector<OpCase>& cases) {
  add_axes_cases(cases);
  add_flip_cases(cases);
  add_broadcast_cases(cases);
  add_stack_cases(cases);
}

}  // namespace gradus
