#include "tests/op_cases.h"

namespace gradus {
namespace {

/// One axis, worked out as TensorFlow's documentation does.
struct Axis {
  int64_t out;
  int before;
};

Axis conv_axis(Padding::Kind kind, int before, int after, int64_t in, int64_t kernel, int stride) {
  switch (kind) {
    case Padding::Kind::same: {
      const int64_t rest = in % stride ? in % stride : stride;
      return {(in - 1) / stride + 1, static_cast<int>(std::max<int64_t>(kernel - rest, 0) / 2)};
    }
    case Padding::Kind::valid:
      return {(in - kernel) / stride + 1, 0};
    default:
      return {(in + before + after - kernel) / stride + 1, before};
  }
}

Axis transposed_axis(Padding::Kind kind, int before, int after, int64_t in, int64_t kernel,
                     int stride) {
  switch (kind) {
    case Padding::Kind::same:
      return {in * stride, static_cast<int>(std::max<int64_t>(kernel - stride, 0) / 2)};
    case Padding::Kind::valid:
      return {(in - 1) * stride + kernel, 0};
    default:
      return {(in - 1) * stride + kernel - before - after, before};
  }
}

struct Geometry {
  int64_t n, h, w, c;  // x
  int64_t k, r, s;     // channels out, taps
  ConvOptions o;
  bool bias;
};

/// out[n, p, q, k] = bias[k] + sum x[n, i, j, c] w(k, r, s, c) over all taps with p, q in range:
/// i = p * stride - before + r * dilation forward, p = i * stride - before + r * dilation
/// transposed; c and k in the same group, whose channels w counts on one side from its first.
Array conv_loops(const std::vector<Array>& in, const ConvOptions& o, bool transposed, Axis h,
                 Axis w) {
  const Array &x = in[0], &f = in[1];
  const int64_t channels = transposed ? f.shape[3] * o.groups : f.shape[0];
  const int64_t group_in = x.shape[3] / o.groups, group_out = channels / o.groups;
  Array y({x.shape[0], h.out, w.out, channels});
  if (in.size() > 2)
    for (size_t i = 0; i < y.v.size(); ++i) y.v[i] = in[2].v[i % channels];
  // The smaller image of the two: the one that is strided over the other.
  const int64_t rows = transposed ? x.shape[1] : h.out, columns = transposed ? x.shape[2] : w.out;
  const int64_t large_h = transposed ? h.out : x.shape[1],
                large_w = transposed ? w.out : x.shape[2];
  for_each_index({x.shape[0], rows, columns, f.shape[1], f.shape[2]}, [&](const Index& at) {
    const int64_t n = at[0], p = at[1], q = at[2], r = at[3], s = at[4];
    const int64_t i = p * o.stride_h - h.before + r * o.dilation_h;
    const int64_t j = q * o.stride_w - w.before + s * o.dilation_w;
    if (i < 0 || i >= large_h || j < 0 || j >= large_w) return;
    for (int64_t k = 0; k < channels; ++k)
      for (int64_t c = 0; c < x.shape[3]; ++c)
        if (c / group_in != k / group_out)
          continue;
        else if (transposed)
          y(n, i, j, k) += x(n, p, q, c) * f(c, r, s, k % group_out);
        else
          y(n, p, q, k) += x(n, i, j, c) * f(k, r, s, c % group_in);
  });
  return y;
}

std::string name_of(const char* operation, const Geometry& g) {
  const Padding& pad = g.o.padding;
  const std::string padding =
      pad.kind == Padding::Kind::same ? "same"
      : pad.kind == Padding::Kind::valid
          ? "valid"
          : fmt::format("{} {} {} {}", pad.top, pad.bottom, pad.left, pad.right);
  const std::string more =
      g.o.dilation_h * g.o.dilation_w * g.o.groups == 1
          ? ""
          : fmt::format(" dilation {}x{} groups {}", g.o.dilation_h, g.o.dilation_w, g.o.groups);
  return fmt::format("{} [{}, {}, {}, {}] to {} by {}x{} stride {}x{} padding {}{}{}", operation,
                     g.n, g.h, g.w, g.c, g.k, g.r, g.s, g.o.stride_h, g.o.stride_w, padding, more,
                     g.bias ? "" : " no bias");
}

OpCase conv_case(const Geometry& g, bool transposed) {
  const Padding& pad = g.o.padding;
  const auto axis = transposed ? transposed_axis : conv_axis;
  const ConvOptions& o = g.o;
  const int64_t rows = g.r + (g.r - 1) * (o.dilation_h - 1);
  const int64_t columns = g.s + (g.s - 1) * (o.dilation_w - 1);
  const Axis h = axis(pad.kind, pad.top, pad.bottom, g.h, rows, o.stride_h);
  const Axis w = axis(pad.kind, pad.left, pad.right, g.w, columns, o.stride_w);
  const Shape filters =
      transposed ? Shape{g.c, g.r, g.s, g.k / o.groups} : Shape{g.k, g.r, g.s, g.c / o.groups};
  std::vector<OpInput> inputs = {{{g.n, g.h, g.w, g.c}}, {filters}};
  if (g.bias) inputs.push_back({{g.k}});
  return {
      name_of(transposed ? "conv_transpose2d" : "conv2d", g), inputs,
      [o = g.o, transposed](const auto& in) {
        const Var bias = in.size() > 2 ? in[2] : Var();
        return transposed ? conv_transpose2d(in[0], in[1], bias, o) : conv2d(in[0], in[1], bias, o);
      },
      [o = g.o, transposed, h, w](const auto& in) { return conv_loops(in, o, transposed, h, w); },
      ConvCase{transposed,
               {o.stride_h, o.stride_w, h.before, w.before, o.dilation_h, o.dilation_w, o.groups}}};
}

/// Every kernel 1..5, stride 1..3 and padding, with sizes, channels and bias that change along.
std::vector<Geometry> sweep() {
  const int64_t channels[] = {1, 3, 5, 16, 2}, sizes[] = {6, 7, 8, 5};
  std::vector<Geometry> all;
  size_t i = 0;
  for (int kernel = 1; kernel <= 5; ++kernel)
    for (int stride = 1; stride <= 3; ++stride)
      for (const Padding& pad :
           {Padding::same(), Padding::valid(),
            Padding::of(kernel / 2, (kernel - 1) / 3, 0, std::min(kernel - 1, 2))}) {
        all.push_back({1 + static_cast<int64_t>(i % 2),
                       sizes[i % 4],
                       sizes[(i / 4 + 1) % 4],
                       channels[i % 5],
                       channels[(i / 2 + 2) % 5],
                       kernel,
                       kernel,
                       {stride, stride, pad},
                       i % 3 != 0});
        ++i;
      }
  return all;
}

const Geometry kSpecial[] = {
    {2, 8, 6, 3, 4, 3, 3, {1, 2, Padding::same()}, true},
    {2, 7, 9, 3, 4, 5, 2, {2, 1, Padding::same()}, true},
    {1, 9, 7, 2, 3, 1, 4, {3, 2, Padding::valid()}, true},
    {1, 6, 6, 2, 3, 4, 3, {2, 3, Padding::of(3, 0, 1, 2)}, true},
    {1, 5, 6, 1, 1, 3, 5, {1, 1, Padding::of(0, 2, 4, 0)}, false},
    // More than a stride of the input left unread, by a 1x1 kernel and by padding.
    {1, 7, 8, 3, 2, 1, 1, {3, 3, Padding::valid()}, true},
    {1, 4, 4, 3, 2, 1, 1, {1, 1, Padding::of(2, 1, 0, 3)}, true},
    {3, 1, 1, 7, 5, 1, 1, {1, 1, Padding::same()}, true},
    {2, 2, 2, 9, 6, 5, 5, {2, 2, Padding::same()}, true},
    {2, 6, 6, 16, 32, 3, 3, {1, 1, Padding::same()}, true},
    {2, 6, 6, 17, 19, 3, 3, {2, 2, Padding::same()}, true},
    {1, 8, 8, 16, 3, 5, 5, {2, 2, Padding::same()}, true},
    // Whole vectors of channels and enough images for the CPU's own kernels.
    {7, 6, 6, 16, 32, 3, 3, {1, 1, Padding::same()}, true},
    {6, 8, 7, 32, 16, 3, 3, {2, 2, Padding::same()}, true},
    {13, 4, 5, 80, 48, 2, 3, {1, 2, Padding::of(1, 0, 2, 1)}, false},
    // Dilation.
    {2, 9, 8, 3, 4, 3, 3, {1, 1, Padding::same(), 2, 2}, true},
    {1, 11, 9, 5, 16, 3, 2, {1, 1, Padding::valid(), 3, 4}, true},
    {1, 9, 10, 16, 16, 3, 3, {2, 2, Padding::same(), 2, 3}, false},
    {2, 8, 9, 3, 2, 2, 3, {3, 1, Padding::of(2, 1, 0, 3), 4, 2}, true},
    {1, 8, 8, 2, 3, 1, 1, {2, 2, Padding::same(), 2, 2}, true},
    {1, 4, 4, 3, 2, 2, 2, {1, 1, Padding::of(3, 2, 2, 3), 2, 2}, true},
    // Groups, and one a channel.
    {2, 7, 6, 4, 6, 3, 3, {1, 1, Padding::same(), 1, 1, 2}, true},
    {1, 6, 8, 6, 6, 3, 2, {2, 1, Padding::valid(), 1, 1, 3}, false},
    {2, 6, 6, 5, 5, 3, 3, {1, 1, Padding::same(), 1, 1, 5}, true},
    {1, 8, 8, 32, 32, 3, 3, {2, 2, Padding::same(), 1, 1, 32}, true},
    {1, 7, 7, 3, 12, 5, 5, {2, 2, Padding::same(), 1, 1, 3}, true},
    {2, 6, 5, 32, 48, 3, 3, {1, 1, Padding::same(), 1, 1, 2}, true},
    {1, 5, 6, 8, 4, 1, 1, {2, 3, Padding::valid(), 1, 1, 4}, true},
    {2, 2, 2, 8, 8, 3, 3, {1, 1, Padding::same(), 1, 1, 4}, true},
    {1, 9, 8, 8, 12, 3, 3, {2, 1, Padding::of(2, 1, 3, 0), 2, 3, 4}, true},
};

}  // namespace

void add_conv_cases(std::vector<OpCase>& cases) {
  for (const bool transposed : {false, true}) {
    for (const Geometry& g : sweep()) cases.push_back(conv_case(g, transposed));
    for (const Geometry& g : kSpecial) cases.push_back(conv_case(g, transposed));
    size_t i = 0;
    for (const Geometry& g : kSpecial)
      cases.push_back(with_activation(conv_case(g, transposed), i++));
  }
}

}  // namespace gradus
