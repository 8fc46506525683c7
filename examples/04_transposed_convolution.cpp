// 04: where a transposed convolution puts its pixels: 04_transposed_convolution [PICTURE.svg]

#include <gradus/gradus.h>

#include <numeric>

#include "svg.h"

using namespace gradus;

constexpr int kIn = 4, kKernel = 5, kStride = 2, kOut = kIn * kStride;

/// One pixel of 1 in an image of zeros, through a kernel that counts 1 to 25.
std::vector<float> spread(int row, int column, Padding padding) {
  std::vector<float> image(kIn * kIn), kernel(kKernel * kKernel);
  image[row * kIn + column] = 1;
  std::iota(kernel.begin(), kernel.end(), 1.F);
  const Var y = conv_transpose2d(Tensor::from<float>(image, {1, kIn, kIn, 1}),
                                 Tensor::from<float>(kernel, {1, kKernel, kKernel, 1}), Var(),
                                 {.stride_h = kStride, .stride_w = kStride, .padding = padding});
  return y.value().to_vector<float>();
}

/// The rule: y[2 i + k - before] += x[i] * kernel[k]. True where it gives the same.
bool follows_rule(const std::vector<float>& y, int row, int column, int before) {
  std::vector<float> wanted(kOut * kOut);
  for (int k = 0; k < kKernel * kKernel; ++k) {
    const int r = kStride * row + k / kKernel - before, c = kStride * column + k % kKernel - before;
    if (r >= 0 && r < kOut && c >= 0 && c < kOut) wanted[r * kOut + c] = float(k + 1);
  }
  return y == wanted;
}

void draw(Svg& svg, double left, const std::string& title, const std::vector<float>& y,
          int colour) {
  svg.text(left, 50, title);
  for (int i = 0; i < kOut * kOut; ++i) {
    const double x = left + 30 * (i % kOut), top = 64 + 30.0 * (i / kOut);
    svg.rectangle(x, top, 28, 28, y[i] ? colour : Svg::kGrey, y[i] ? 0.35 : 0.2);
    if (y[i]) svg.text(x + 14, top + 19, fmt::format("{}", y[i]), "middle");
  }
}

int main(int argc, char** argv) {
  const auto inner = spread(1, 1, Padding::same()), corner = spread(0, 0, Padding::same());
  // What "padding 2, output padding 1" of other frameworks means: two rows cut in front, one
  // behind.
  const auto other = spread(1, 1, Padding::of(2, 1, 2, 1));
  fmt::print("{:<28}{:<28}{}\n", " pixel (1, 1), SAME", " pixel (0, 0), SAME",
             " (1, 1), padding 2 and 1");
  for (int r = 0; r < kOut; ++r) {
    for (const auto* y : {&inner, &corner, &other}) {
      for (int c = 0; c < kOut; ++c) fmt::print("{:3}", (*y)[r * kOut + c]);
      fmt::print("    ");
    }
    fmt::print("\n");
  }
  Svg svg(820, 320);
  svg.text(16, 24, "One pixel of a 4x4 image through a 5x5 kernel that counts 1 to 25, stride 2");
  draw(svg, 16, "pixel (1, 1), SAME", inner, 0);
  draw(svg, 286, "pixel (0, 0), SAME", corner, 0);
  draw(svg, 556, "pixel (1, 1), padding 2, output padding 1", other, 1);
  if (argc > 1) svg.save(argv[1]);
  const bool sound = follows_rule(inner, 1, 1, 1) && follows_rule(corner, 0, 0, 1) &&
                     follows_rule(other, 1, 1, 2) && inner != other;
  fmt::print("each pixel is where the rule says: {}\n", sound ? "yes" : "no");
  return sound ? 0 : 1;
}
