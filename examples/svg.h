#pragma once

// Pictures of the examples, for docs/guide: SVG in light and dark colours.

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// Shapes in pixels, y downwards. Colours 0 to 3 tell things apart, kGrey and kInk do not.
class Svg {
 public:
  static constexpr int kGrey = 4, kInk = 5;
  Svg(double width, double height) : width_(width), height_(height) {}

  void line(double x0, double y0, double x1, double y1, int colour, double thickness = 1) {
    path(fmt::format("M{:.1f} {:.1f}L{:.1f} {:.1f}", x0, y0, x1, y1), colour, thickness);
  }
  void path(const std::string& d, int colour, double thickness = 2) {
    body_ += fmt::format("<path class='l{}' stroke-width='{}' d='{}'/>\n", colour, thickness, d);
  }
  void rectangle(double x, double y, double width, double height, int colour, double opacity = 1) {
    body_ += fmt::format(
        "<rect class='f{}' x='{:.1f}' y='{:.1f}' width='{:.1f}' height='{:.1f}' "
        "opacity='{:.2f}'/>\n",
        colour, x, y, width, height, opacity);
  }
  void circle(double x, double y, double radius, int colour) {
    body_ +=
        fmt::format("<circle class='f{}' cx='{:.1f}' cy='{:.1f}' r='{}'/>\n", colour, x, y, radius);
  }
  /// `anchor`: start, middle or end, where x is.
  void text(double x, double y, const std::string& words, const char* anchor = "start",
            int colour = kInk) {
    std::string escaped;
    for (const char c : words)
      escaped += c == '&' ? "&amp;" : c == '<' ? "&lt;" : std::string(1, c);
    body_ += fmt::format("<text class='f{}' x='{:.1f}' y='{:.1f}' text-anchor='{}'>{}</text>\n",
                         colour, x, y, anchor, escaped);
  }
  /// Bars upwards and downwards for values in [-1, 1], numbered from 0.
  void bars(double left, const std::string& title, const std::vector<double>& values) {
    text(left, 24, title);
    line(left, 135, left + 20.0 * double(values.size()), 135, kGrey);
    for (size_t i = 0; i < values.size(); ++i) {
      const double x = left + 20.0 * double(i), size = 95 * std::abs(values[i]);
      rectangle(x, values[i] > 0 ? 135 - size : 135, 16, size, values[i] > 0 ? 0 : 1);
      text(x + 8, 252, std::to_string(i), "middle");
    }
  }
  void save(const std::string& path) const {
    constexpr std::array<std::array<const char*, 2>, 6> colours{{{"#0b5cc0", "#72b4ff"},
                                                                 {"#c2410c", "#ff9f5f"},
                                                                 {"#0f766e", "#52d3be"},
                                                                 {"#86198f", "#e39af0"},
                                                                 {"#9aa5b1", "#5b6675"},
                                                                 {"#1b2430", "#e7ebf0"}}};
    std::string light, dark;
    for (size_t i = 0; i < colours.size(); ++i)
      for (const auto& [css, colour] : {std::pair{&light, colours[i][0]}, {&dark, colours[i][1]}})
        *css += fmt::format(".f{0}{{fill:{1}}}.l{0}{{stroke:{1};fill:none}}", i, colour);
    std::ofstream out(path);
    out << fmt::format(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {0} {1}' width='{0}' height='{1}'>\n"
        "<style>text{{font:13px system-ui,sans-serif}}.ground{{fill:#fff}}{2}\n"
        "@media(prefers-color-scheme:dark){{.ground{{fill:#12161c}}{3}}}</style>\n"
        "<rect class='ground' width='100%' height='100%'/>\n{4}</svg>\n",
        width_, height_, light, dark, body_);
    if (!out.flush()) throw std::runtime_error("cannot write " + path);
  }

 private:
  double width_, height_;
  std::string body_;
};
