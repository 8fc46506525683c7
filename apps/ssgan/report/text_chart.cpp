#include "apps/ssgan/report/text_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <string_view>

namespace gradus::ssgan {
namespace {

/// How many dots a character has each way.
struct Dots {
  int across, down;
};
constexpr Dots kBraille{2, 4}, kAscii{1, 2};

/// The character of dots, bit `across * y + x` for the one at (x, y).
std::string glyph(unsigned dots, bool utf8) {
  if (!utf8) return std::string(1, " '.:"[dots]);
  constexpr unsigned kBits[] = {0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80};
  unsigned cell = 0;
  for (int i = 0; i < 8; ++i)
    if (dots >> i & 1) cell |= kBits[i];
  return {'\xe2', static_cast<char>(0xa0 + cell / 64), static_cast<char>(0x80 + cell % 64)};
}

/// y at each of `count` places from the first x to the last: means of the points there, or what
/// lies between two.
std::vector<double> resampled(const std::vector<Point>& points, int count) {
  const double first = points.front().x, width = points.back().x - first;
  std::vector<double> sums(static_cast<size_t>(count)), counts(sums.size()), y(sums.size());
  const auto place = [&](double x) {
    return width > 0 ? static_cast<size_t>((count - 1) * ((x - first) / width) + 0.5) : 0;
  };
  for (const Point& p : points) {
    sums[place(p.x)] += p.y;
    ++counts[place(p.x)];
  }
  size_t left = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    if (counts[i] == 0) continue;
    y[i] = sums[i] / counts[i];
    for (size_t k = left + 1; k < i; ++k)
      y[k] = y[left] + (y[i] - y[left]) * double(k - left) / double(i - left);
    left = i;
  }
  y.resize(left + 1);
  return y;
}

}  // namespace

bool speaks_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (!value || !*value) continue;
    std::string locale = value;
    std::erase(locale, '-');
    std::ranges::transform(locale, locale.begin(), [](unsigned char c) { return std::tolower(c); });
    return locale.find("utf8") != locale.npos;
  }
  return false;
}

std::vector<std::string> draw_text_chart(const std::string& title, const Series& series,
                                         bool percent, int columns, int rows, bool utf8) {
  std::vector<Point> points;
  std::ranges::copy_if(series.points, std::back_inserter(points), is_drawable);
  if (points.empty()) return {};
  const auto shown = [&](double v) {
    return percent ? fmt::format("{:.1f} %", 100 * v) : fmt::format("{:.3g}", v);
  };
  const auto range = std::ranges::minmax(points, {}, &Point::y);
  const double low = range.min.y, high = range.max.y;
  const std::string top = shown(high), bottom = shown(low);
  const int margin = static_cast<int>(std::max(top.size(), bottom.size())) + 2;
  const Dots dots = utf8 ? kBraille : kAscii;
  const int width = std::max(columns - margin, 4), height = rows * dots.down;
  const std::vector<double> y = resampled(points, width * dots.across);

  std::vector<std::vector<unsigned>> cells(static_cast<size_t>(rows),
                                           std::vector<unsigned>(static_cast<size_t>(width)));
  const auto row_of = [&](double v) {
    const double part = high > low ? (high - v) / (high - low) : 0.5;
    return static_cast<int>(std::lround(part * (height - 1)));
  };
  for (int x = 0, before = row_of(y[0]); x < static_cast<int>(y.size()); ++x) {
    const int here = row_of(y[static_cast<size_t>(x)]);
    // A steep piece has no gaps: it goes on below or above the place where the last one ended.
    const int from = here > before ? before + 1 : here < before ? before - 1 : here;
    for (int row = std::min(from, here); row <= std::max(from, here); ++row)
      cells[static_cast<size_t>(row / dots.down)][static_cast<size_t>(x / dots.across)] |=
          1u << (row % dots.down * dots.across + x % dots.across);
    before = here;
  }

  std::vector<std::string> lines{title.substr(0, static_cast<size_t>(columns))};
  for (int row = 0; row < rows; ++row) {
    std::string line = fmt::format("{:>{}} {}",
                                   row == 0          ? top
                                   : row == rows - 1 ? bottom
                                                     : "",
                                   margin - 2, utf8 ? "│" : "|");
    for (const unsigned cell : cells[static_cast<size_t>(row)]) line += glyph(cell, utf8);
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
  }
  const std::string from = fmt::format("{:.0f}", points.front().x),
                    to = fmt::format("{:.0f}", points.back().x);
  const int gap = width - static_cast<int>(from.size() + to.size());
  if (gap > 0)
    lines.push_back(std::string(static_cast<size_t>(margin), ' ') + from +
                    std::string(static_cast<size_t>(gap), ' ') + to);
  return lines;
}

}  // namespace gradus::ssgan
