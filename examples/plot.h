#pragma once

// Curves and points between two axes, as a picture of docs/guide.

#include <gradus/gradus.h>

#include <optional>

#include "svg.h"

class Plot {
 public:
  using Values = std::vector<double>;
  struct Options {
    std::string title, x_label = {}, y_label = {};
    bool log_x = false, log_y = false;
    std::optional<std::pair<double, double>> x_range = {},
                                             y_range = {};  ///< else what the data need
    double width = 640, height = 400;
  };
  explicit Plot(Options options) : o_(std::move(options)) {}

  /// A curve, broken where y is not finite.
  void line(const std::string& name, const Values& x, const Values& y, int colour,
            double thickness = 2) {
    series_.push_back({name, x, y, colour, thickness, Kind::line});
  }
  void points(const std::string& name, const Values& x, const Values& y, int colour,
              double radius = 3) {
    series_.push_back({name, x, y, colour, radius, Kind::points});
  }
  /// Points f32 [N, 2].
  void points(const std::string& name, const gradus::Tensor& xy, int colour, double radius) {
    auto [x, y] = split(xy);
    points(name, x, y, colour, radius);
  }
  /// The way along such points.
  void way(const std::string& name, const gradus::Tensor& xy, int colour) {
    auto [x, y] = split(xy);
    line(name, x, y, colour);
    points("", x, y, colour);
  }
  /// Behind all else, squares of this extent around the points [N, 2] where `mask` [N] is not 0;
  /// those that stand on each other are drawn as one, so y should run fastest.
  void squares(const std::string& name, const gradus::Tensor& xy, const gradus::Tensor& mask,
               int colour, double extent) {
    auto [x, y] = split(xy);
    const auto shown = mask.to(gradus::DType::f64).to_vector<double>();
    for (size_t i = 0; i < x.size(); ++i)
      if (!shown[i]) y[i] = NAN;
    series_.push_back({name, x, y, colour, extent, Kind::squares});
  }

  void save(const std::string& path) const {
    Svg svg(o_.width, o_.height);
    const Axis x = axis(true), y = axis(false);
    svg.text(16, 24, o_.title);
    svg.text(o_.width / 2, o_.height - 8, o_.x_label, "middle");
    svg.text(16, 68, o_.y_label);
    for (const double t : x.ticks) svg.text(x.at(t), o_.height - 28, tick(t), "middle");
    for (const double t : y.ticks) {
      svg.line(x.from, y.at(t), x.to, y.at(t), Svg::kGrey, 0.5);
      svg.text(x.from - 6, y.at(t) + 4, tick(t), "end");
    }
    for (const Kind kind : {Kind::squares, Kind::line, Kind::points})
      for (const Series& s : series_)
        if (s.kind == kind) draw(svg, s, x, y);
    double at = 16;
    for (const Series& s : series_) {
      if (s.name.empty()) continue;
      svg.rectangle(at, 38, 12, 8, s.colour, s.kind == Kind::squares ? kFaint : 1);
      svg.text(at + 17, 46, s.name);
      at += 38 + 7 * double(s.name.size());
    }
    svg.save(path);
  }

 private:
  static constexpr double kFaint = 0.25;
  enum class Kind { line, points, squares };
  struct Series {
    std::string name;
    Values x, y;
    int colour;
    double size;
    Kind kind;
  };
  struct Axis {
    bool log;
    double low, high, from, to;  ///< in the data (or their logarithms), and in pixels
    Values ticks;
    double at(double v) const {
      return from + ((log ? std::log10(v) : v) - low) / (high - low) * (to - from);
    }
  };

  static std::pair<Values, Values> split(const gradus::Tensor& xy) {
    const auto v = xy.to(gradus::DType::f64).to_vector<double>();
    Values x, y;
    for (size_t i = 0; i < v.size(); i += 2) x.push_back(v[i]), y.push_back(v[i + 1]);
    return {x, y};
  }

  static std::string tick(double v) {
    return std::abs(v) < 1e-12  ? "0"
           : std::abs(v) < 1e-3 ? fmt::format("{:.0e}", v)
                                : fmt::format("{:.4g}", v);
  }

  Axis axis(bool horizontal) const {
    Axis a{horizontal ? o_.log_x : o_.log_y, INFINITY, -INFINITY, 0, 0, {}};
    const auto take = [&](double v) {
      if (a.log) v = v > 0 ? std::log10(v) : NAN;
      if (!std::isfinite(v)) return;
      a.low = std::min(a.low, v);
      a.high = std::max(a.high, v);
    };
    if (const auto& range = horizontal ? o_.x_range : o_.y_range; range) {
      take(range->first);
      take(range->second);
    } else {
      for (const Series& s : series_)
        for (const double v : horizontal ? s.x : s.y) take(v);
    }
    if (!std::isfinite(a.low)) a.low = 0;  // nothing to draw
    if (!(a.high > a.low)) a.high = a.low + 1;
    double step = a.log ? 1 : std::pow(10, std::floor(std::log10((a.high - a.low) / 4)));
    for (int i = 0; (a.high - a.low) / step > 8; ++i) step *= !a.log && i % 3 == 1 ? 2.5 : 2;
    for (double t = std::ceil(a.low / step - 1e-9) * step; t <= a.high + 1e-9 * step; t += step)
      a.ticks.push_back(a.log ? std::pow(10, t) : t);
    a.from = horizontal ? 70 : o_.height - 50;
    a.to = horizontal ? o_.width - 20 : 80;
    return a;
  }

  void draw(Svg& svg, const Series& s, const Axis& x, const Axis& y) const {
    std::string d;
    bool pen = false;
    for (size_t i = 0; i < s.x.size(); ++i) {
      const double px = x.at(s.x[i]), py = y.at(s.y[i]);
      const bool inside = std::isfinite(px) && std::isfinite(py) && py <= y.from + 1 &&
                          py >= y.to - 1 && px >= x.from - 1 && px <= x.to + 1;
      if (s.kind == Kind::line && inside)
        d += fmt::format("{}{:.1f} {:.1f}", pen ? 'L' : 'M', px, py);
      if (s.kind == Kind::points && inside) svg.circle(px, py, s.size, s.colour);
      if (s.kind == Kind::squares && inside) {
        size_t last = i;
        while (last + 1 < s.x.size() && s.x[last + 1] == s.x[i] && std::isfinite(s.y[last + 1]))
          ++last;
        const double half_w = (x.at(s.size) - x.at(0)) / 2, half_h = (y.at(0) - y.at(s.size)) / 2;
        const double top = y.at(s.y[last]) - half_h;
        svg.rectangle(px - half_w, top, 2 * half_w, py + half_h - top, s.colour, kFaint);
        i = last;
      }
      pen = inside;
    }
    if (!d.empty()) svg.path(d, s.colour, s.size);
  }

  Options o_;
  std::vector<Series> series_;
};
