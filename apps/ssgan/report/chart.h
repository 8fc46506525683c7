#pragma once

#include <string>
#include <vector>

namespace gradus::ssgan {

struct Point {
  double x, y;
};

/// Whether charts show it: beyond 2^53 steps are not told apart, and ranges must not overflow.
bool is_drawable(const Point& point);

struct Series {
  std::string name;
  std::vector<Point> points;  ///< by growing x; the line breaks where one is not drawable
  bool reference = false;     ///< something to compare with: dashed, without markers
  /// What the line sums up: pale lines below it, without values of their own.
  std::vector<std::vector<Point>> pale = {};
};

struct Chart {
  std::string id;  ///< unique in the page: letters, digits and hyphens
  std::string title;
  std::string caption = {};
  std::string x_label, y_label;
  std::vector<Series> series = {};  ///< at most kMaxSeries that are no reference
  bool percent = false;             ///< y are fractions, shown from 0 to 100 %
  bool whole_x = true;              ///< no ticks between whole numbers
};

/// Colours and marker shapes to tell series apart, also on paper without colour.
inline constexpr int kMaxSeries = 4;

/// Means of each point and its `half` neighbours on either side, as far as there are any, of those
/// that are finite.
std::vector<Point> smoothed(const std::vector<Point>& points, size_t half);

/// A <figure> with heading, legend, inline SVG (with <title> and <desc>) and caption; styled by the
/// classes of kPageStyle, with the numbers that kPageScript needs to show values. All texts are
/// escaped. An empty string where no point is finite.
std::string draw_chart(const Chart& chart);

/// Round values (1, 2, 2.5 or 5 times a power of ten) within [low, high], about `count` of them; at
/// least 1 apart where `whole`. Needs low < high, both finite, and count above 0; unchecked.
std::vector<double> round_ticks(double low, double high, int count, bool whole);

}  // namespace gradus::ssgan
