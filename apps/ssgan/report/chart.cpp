#include "apps/ssgan/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>

#include "apps/ssgan/report/text.h"

namespace gradus::ssgan {
namespace {

// Units of the viewBox. Text keeps a readable size on a phone, where a unit is 3/4 of a pixel,
// because the style sheet enlarges it there; the margins have room for that.
constexpr double kWidth = 480, kHeight = 290;
constexpr double kLeft = 54, kRight = 468, kTop = 32, kBottom = 238;
constexpr size_t kMostMarkers = 12;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void include(double v) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
};

/// Where data lies in the picture, and how axes are labelled.
struct Scales {
  Range x, y;
  int exponent = 0;  ///< tick labels are y / 10^exponent

  double left(double v) const { return kLeft + (v - x.low) / (x.high - x.low) * (kRight - kLeft); }
  double top(double v) const { return kBottom - (v - y.low) / (y.high - y.low) * (kBottom - kTop); }
};

Scales scales_of(const Chart& chart) {
  Scales s;
  const auto include = [&](const std::vector<Point>& points) {
    for (const Point& p : points)
      if (is_drawable(p)) s.x.include(p.x), s.y.include(p.y);
  };
  for (const Series& series : chart.series) {
    include(series.points);
    for (const auto& points : series.pale) include(points);
  }
  // Runs are seen from their start, unless only a late part of one is known.
  if (s.x.low > 0 && s.x.low < 0.1 * s.x.high) s.x.low = 0;
  if (s.x.low == s.x.high) s.x = {s.x.low - 1, s.x.high + 1};
  if (chart.percent) {
    s.y.include(0);
    s.y.include(1);
    return s;
  }
  s.y.include(0);
  if (s.y.low == s.y.high) s.y.high = 1;
  const double largest = std::max(std::abs(s.y.low), std::abs(s.y.high));
  if (largest < 0.01 || largest >= 10000)
    s.exponent = static_cast<int>(std::floor(std::log10(largest)));
  // A little air, so that the highest point does not touch the frame.
  const double air = 0.05 * (s.y.high - s.y.low);
  if (s.y.high > 0) s.y.high += air;
  if (s.y.low < 0) s.y.low -= air;
  return s;
}

std::string superscript(int value) {
  static constexpr std::array kDigits{"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string out = value < 0 ? "⁻" : "";
  for (const char c : std::to_string(std::abs(value))) out += kDigits[static_cast<size_t>(c - '0')];
  return out;
}

/// As many decimals as ticks `spacing` apart need.
std::string tick_label(double value, double spacing) {
  if (spacing >= 1 && value == std::round(value)) return grouped(value);
  int decimals = 0;
  for (double unit = spacing; decimals < 6 && std::abs(unit - std::round(unit)) > 1e-6 * spacing;
       unit *= 10)
    ++decimals;
  return fmt::format("{:.{}f}", value, decimals);
}

std::string axes(const Chart& chart, const Scales& s) {
  std::string out;
  auto add = std::back_inserter(out);
  const auto ys = round_ticks(s.y.low, s.y.high, 5, false);
  const double unit = std::pow(10.0, s.exponent);
  const double spacing = ys.size() > 1 ? (ys[1] - ys[0]) / unit : 1;
  for (const double v : ys) {
    const double y = s.top(v);
    const std::string label =
        chart.percent ? fmt::format("{:.0f}%", 100 * v) : tick_label(v / unit, spacing);
    fmt::format_to(add, "<path class=\"grid\" d=\"M{:.1f},{:.1f}H{:.1f}\"/>", kLeft, y, kRight);
    fmt::format_to(add, "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
                   kLeft - 7, y + 4.5, label);
  }
  const auto xs = round_ticks(s.x.low, s.x.high, 5, chart.whole_x);
  const double x_spacing = xs.size() > 1 ? xs[1] - xs[0] : 1;
  for (const double v : xs) {
    const double x = s.left(v);
    // The last label would leave the picture if it were centred on the edge.
    const char* anchor = x > kRight - 14 ? "end" : "middle";
    fmt::format_to(add, "<path class=\"axis\" d=\"M{:.1f},{:.1f}v5\"/>", x, kBottom);
    fmt::format_to(add, "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n",
                   x > kRight - 14 ? kRight + 8 : x, kBottom + 21, anchor,
                   tick_label(v, x_spacing));
  }
  fmt::format_to(add, "<path class=\"axis\" d=\"M{:.1f},{:.1f}H{:.1f}\"/>\n", kLeft, kBottom,
                 kRight);
  std::string y_label = chart.y_label;
  if (s.exponent != 0) y_label += " (× 10" + superscript(s.exponent) + ")";
  fmt::format_to(add, "<text class=\"label\" x=\"4\" y=\"17\">{}</text>", escape_html(y_label));
  fmt::format_to(
      add, "<text class=\"label\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n",
      (kLeft + kRight) / 2, kHeight - 6, escape_html(chart.x_label));
  return out;
}

/// Disc, square, triangle, diamond.
std::string marker(int style, double x, double y) {
  constexpr std::array kShapes{"m-3.6,0a3.6,3.6 0 1 0 7.2,0a3.6,3.6 0 1 0 -7.2,0z",
                               "m-3.3,-3.3h6.6v6.6h-6.6z", "m0,-4.4l4.2,7.4h-8.4z",
                               "m0,-4.8l4.8,4.8l-4.8,4.8l-4.8,-4.8z"};
  return fmt::format("M{:.1f},{:.1f}{}", x, y, kShapes[static_cast<size_t>(style % kMaxSeries)]);
}

std::string line(const std::vector<Point>& points, const Scales& s) {
  std::string out;
  bool drawing = false;
  for (const Point& p : points) {
    // The zero-length step makes a dot of a point without neighbours.
    if (is_drawable(p))
      out += fmt::format("{}{:.1f},{:.1f}{}", drawing ? "L" : "M", s.left(p.x), s.top(p.y),
                         drawing ? "" : "h0");
    drawing = is_drawable(p);
  }
  return out;
}

std::string markers(const Series& series, const Scales& s, int style) {
  std::vector<Point> points;
  std::ranges::copy_if(series.points, std::back_inserter(points), is_drawable);
  // The series' markers stand at different places where not every point has one.
  const size_t every = (points.size() + kMostMarkers - 1) / kMostMarkers;
  std::string out;
  for (size_t i = every * static_cast<size_t>(style % 3) / 3; i < points.size(); i += every)
    out += marker(style, s.left(points[i].x), s.top(points[i].y));
  return out;
}

std::string curves(const Chart& chart, const Scales& s) {
  std::string out;
  auto add = std::back_inserter(out);
  int style = 0;
  for (const Series& series : chart.series) {
    const std::string d = line(series.points, s);
    for (const auto& points : series.pale)
      fmt::format_to(add, "<path class=\"pale c{}\" d=\"{}\"/>\n", style, line(points, s));
    if (series.reference) {
      fmt::format_to(add, "<path class=\"line reference\" d=\"{}\"/>\n", d);
      continue;
    }
    fmt::format_to(add, "<path class=\"line c{}\" d=\"{}\"/>\n", style, d);
    fmt::format_to(add, "<path class=\"marker c{}\" d=\"{}\"/>\n", style,
                   markers(series, s, style));
    style = (style + 1) % kMaxSeries;
  }
  return out;
}

std::string legend(const Chart& chart) {
  std::string out = "<ul class=\"legend\">\n";
  int style = 0;
  for (const Series& series : chart.series) {
    out += "<li><svg viewBox=\"0 0 30 12\" width=\"30\" height=\"12\" aria-hidden=\"true\">";
    if (series.reference) {
      out += "<path class=\"line reference\" d=\"M1,6H29\"/>";
    } else {
      out += fmt::format(
          "<path class=\"line c{0}\" d=\"M1,6H29\"/><path class=\"marker c{0}\" "
          "d=\"{1}\"/>",
          style, marker(style, 15, 6));
      style = (style + 1) % kMaxSeries;
    }
    out += "</svg>" + escape_html(series.name) + "</li>\n";
  }
  return out + "</ul>\n";
}

/// What a reader who cannot see the curves wants to know.
std::string description(const Chart& chart) {
  const auto shown = [&](double v) { return chart.percent ? percent(v) : number(v); };
  std::string out;
  for (const Series& series : chart.series) {
    std::vector<Point> points;
    std::ranges::copy_if(series.points, std::back_inserter(points), is_drawable);
    if (points.empty()) continue;
    const auto [low, high] = std::ranges::minmax(points, {}, &Point::y);
    const Point first = points.front(), last = points.back();
    out += fmt::format("{}: ", series.name);
    if (series.reference || points.size() == 1)
      out += fmt::format("{}. ", shown(last.y));
    else
      out += fmt::format("from {} at {} {} to {} at {}; lowest {}, highest {}. ", shown(first.y),
                         chart.x_label, grouped(first.x), shown(last.y), grouped(last.x),
                         shown(low.y), shown(high.y));
  }
  return out;
}

}  // namespace

std::vector<double> round_ticks(double low, double high, int count, bool whole) {
  const double rough = high / count - low / count;
  if (!(rough > 0) || !std::isfinite(rough)) return {};
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double spacing = 10 * power;
  for (const double factor : {5.0, 2.5, 2.0, 1.0})
    if (factor * power >= rough * 0.999) spacing = factor * power;
  if (whole) spacing = std::max(1.0, spacing == 2.5 ? 2.0 : spacing);
  std::vector<double> ticks;
  const double slack = 1e-9 * (high / spacing - low / spacing);
  const double first = std::ceil(low / spacing - slack), last = std::floor(high / spacing + slack);
  // Counted by an integer: adding 1 to a double above 2^53 changes nothing.
  for (int i = 0; i <= 2 * count && first + i <= last; ++i) {
    const double tick = (first + i) * spacing + 0.0;  // the sum makes -0 a plain 0
    if (ticks.empty() || tick > ticks.back()) ticks.push_back(tick);
  }
  return ticks;
}

std::vector<Point> smoothed(const std::vector<Point>& points, size_t half) {
  std::vector<Point> out;
  for (size_t i = 0; i < points.size(); ++i) {
    double sum = 0;
    int count = 0;
    for (size_t k = i < half ? 0 : i - half; k < std::min(i + half + 1, points.size()); ++k)
      if (is_drawable(points[k])) sum += points[k].y, ++count;
    out.push_back({points[i].x, count > 0 ? sum / count : points[i].y});
  }
  return out;
}

bool is_drawable(const Point& p) { return std::abs(p.x) <= 0x1p53 && std::abs(p.y) <= 1e300; }

std::string draw_chart(const Chart& chart) {
  const bool empty = std::ranges::none_of(chart.series, [](const Series& series) {
    return std::ranges::any_of(series.points, is_drawable);
  });
  if (empty) return {};
  const Scales s = scales_of(chart);
  std::string out;
  auto add = std::back_inserter(out);
  fmt::format_to(add, "<figure class=\"chart\">\n<h3>{}</h3>\n{}", escape_html(chart.title),
                 legend(chart));
  fmt::format_to(add,
                 "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" "
                 "aria-labelledby=\"{}-title {}-desc\" data-x=\"{} {} {} {}\" "
                 "data-y=\"{} {} {} {}\" data-label=\"{}\"{}>\n",
                 kWidth, kHeight, chart.id, chart.id, s.x.low, s.x.high, kLeft, kRight, s.y.low,
                 s.y.high, kBottom, kTop, escape_html(chart.x_label),
                 chart.percent ? " data-percent" : "");
  fmt::format_to(add, "<title id=\"{}-title\">{}</title>\n<desc id=\"{}-desc\">{}</desc>\n",
                 chart.id, escape_html(chart.title), chart.id, escape_html(description(chart)));
  out += axes(chart, s) + curves(chart, s) + "</svg>\n";
  if (!chart.caption.empty())
    out += "<figcaption>" + escape_html(chart.caption) + "</figcaption>\n";
  return out + "</figure>\n";
}

}  // namespace gradus::ssgan
