#include "apps/ssgan/data/digit_strokes.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string_view>
#include <vector>

namespace gradus::ssgan::digit_parts {
namespace {

using Stroke = std::vector<Point>;

// Skeletons in percent of the height, y down, about 60 wide; | parts the designs of a digit, of
// which the last is the boxy one. M, L and C (cubic) as in SVG; E cx cy rx ry from to: part of an
// ellipse, in degrees, clockwise on the screen from 3 o'clock.
constexpr int kVariants = 6;
constexpr std::string_view kDesigns[10] = {
    "E30 50 28 50 0 360 | E30 50 23 50 0 360 | E30 50 34 50 0 360 | M30 0 C52 0 58 12 58 35 "
    "L58 65 C58 88 52 100 30 100 C8 100 2 88 2 65 L2 35 C2 12 8 0 30 0 | M36 0 C56 4 60 40 52 68 "
    "C46 94 28 104 16 96 C-2 84 0 36 14 14 C20 4 28 0 36 0 | M14 0 L46 0 L58 12 L58 88 L46 100 "
    "L14 100 L2 88 L2 12 L14 0",
    "M30 0 L30 100 | M12 22 L32 0 L32 100 | M10 18 L32 0 L32 100 M10 100 L54 100 | M14 12 "
    "C22 12 29 8 32 0 L32 100 M16 100 L48 100 | M16 12 L32 0 L32 100 | M14 0 L32 0 L32 100",
    "M4 26 C6 8 16 0 30 0 C46 0 56 10 56 26 C56 44 44 54 30 68 C18 80 8 88 4 100 L58 100 "
    "| E30 27 26 27 180 390 L4 100 L58 100 | M6 22 C8 6 20 0 32 0 C48 0 56 12 54 28 "
    "C50 54 24 70 4 97 C20 84 36 104 58 94 | M8 30 C4 10 18 0 32 0 C50 0 58 16 52 34 "
    "C46 54 20 66 6 98 L54 98 L57 84 | M3 16 C14 0 50 -8 55 20 C58 42 36 62 22 76 "
    "C10 90 -2 98 12 88 C22 82 30 100 58 98 | M4 14 L16 0 L44 0 L56 12 L56 36 L4 86 L4 100 "
    "L58 100",
    "M5 18 C10 4 20 0 30 0 C46 0 54 10 54 24 C54 40 42 47 26 47 C46 47 57 58 57 73 "
    "C57 90 46 100 30 100 C16 100 6 92 3 80 | M6 0 L54 0 L28 38 C48 38 58 52 58 69 "
    "C58 88 46 100 29 100 C15 100 6 93 2 82 | E28 25 24 25 200 450 E28 74 29 26 270 520 | M8 12 "
    "C22 -6 52 -4 52 20 C52 36 40 44 22 48 C44 46 58 56 57 72 C56 96 26 110 3 90 | M3 4 L50 4 "
    "L22 44 C50 40 60 64 54 80 C46 102 18 104 4 92 | M4 10 L14 0 L46 0 L55 10 L55 38 L46 48 "
    "L22 48 M46 48 L57 58 L57 90 L46 100 L14 100 L3 90",
    "M44 100 L44 0 L2 70 L60 70 | M16 0 L4 60 L58 60 M44 28 L44 100 | M46 100 L46 0 L38 0 L2 64 "
    "L2 72 L60 72 | M40 100 L40 0 C32 24 18 50 2 68 L58 68 M26 100 L54 100 | M10 2 "
    "C8 24 4 44 2 58 L58 54 M48 4 C44 36 40 70 38 100 | M6 0 L6 56 L56 56 M46 0 L46 100",
    "M52 0 L12 0 L8 44 C16 37 24 34 32 34 C48 34 58 48 58 66 C58 86 46 100 28 100 "
    "C15 100 6 93 3 82 | M54 0 L10 0 L10 44 L30 42 C48 42 56 54 56 70 C56 88 46 100 28 100 L4 98 "
    "| M52 4 C40 6 26 4 14 1 L8 46 C22 34 56 38 56 68 C56 92 28 106 4 88 | M56 0 L14 0 L5 52 "
    "C20 38 58 40 58 70 C58 98 20 110 2 84 | M10 2 L10 40 C40 36 60 50 56 72 C52 98 22 104 3 94 "
    "M10 2 L56 0 | M54 0 L6 0 L6 42 L46 42 L57 53 L57 88 L46 100 L6 100",
    "M52 9 C42 -2 28 -2 18 10 C6 24 2 46 3 68 E30 68 27 32 180 540 | M44 0 C24 20 4 42 3 69 "
    "E30 69 27 31 180 540 | M55 18 C50 4 42 0 31 0 C12 0 3 20 3 50 L3 68 E30 68 27 32 180 540 "
    "| M40 0 C16 24 2 50 3 76 C4 94 16 100 30 100 C46 100 56 90 56 76 C56 50 20 46 6 66 | M36 0 "
    "L7 54 E30 68 27 32 205 565 | M54 10 L46 0 L14 0 L4 12 L4 88 L14 100 L46 100 L57 88 L57 56 "
    "L46 46 L4 46",
    "M2 0 L58 0 L22 100 | M2 0 L58 0 C40 26 26 58 24 100 | M2 0 L58 0 L22 100 M18 50 L54 50 "
    "| M4 18 L4 0 L58 0 C44 28 30 60 26 100 | M2 4 C16 -6 34 14 58 0 C46 30 32 50 24 100 | M2 0 "
    "L56 0 L56 24 L30 56 L30 100",
    "E30 25 23 25 90 450 E30 75 28 25 270 630 | E30 26 26 26 90 450 E30 76 26 24 270 630 "
    "| M30 48 C12 42 6 34 6 24 C6 8 16 0 30 0 C44 0 54 8 54 24 C54 34 48 42 30 48 "
    "C10 55 2 64 2 76 C2 92 14 100 30 100 C46 100 58 92 58 76 C58 64 50 55 30 48 | M50 14 "
    "C44 4 38 0 30 0 C16 0 8 10 8 22 C8 44 56 50 56 76 C56 92 44 100 30 100 C14 100 4 90 4 76 "
    "C4 52 52 46 52 22 C52 18 51 16 50 14 | E32 22 20 22 90 450 E28 72 27 28 270 630 | M14 0 "
    "L46 0 L55 9 L55 39 L46 48 L57 58 L57 90 L46 100 L14 100 L3 90 L3 58 L14 48 L5 39 L5 9 L14 0 "
    "M14 48 L46 48",
    "M8 91 C18 102 32 102 42 90 C54 76 58 54 57 32 E30 32 27 32 0 360 | M16 100 "
    "C36 80 56 58 57 31 E30 31 27 31 0 360 | M5 82 C10 96 18 100 29 100 C48 100 57 80 57 50 "
    "L57 32 E30 32 27 32 0 360 | M55 4 L55 100 M55 30 E29 30 26 30 0 360 | M24 100 L53 46 "
    "E30 32 27 32 25 385 | M6 90 L14 100 L46 100 L56 88 L56 12 L46 0 L14 0 L3 12 L3 44 L14 54 "
    "L56 54"};

struct Glyph {
  std::vector<Stroke> strokes;
  float left = kFar, right = -kFar;
};

void append_cubic(Stroke& s, Point b, Point c, Point d) {
  constexpr int kSteps = 7;
  const Point a = s.back();
  for (int i = 1; i <= kSteps; ++i) {
    const float t = static_cast<float>(i) / kSteps, u = 1 - t;
    const float w[4] = {u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t};
    s.push_back({w[0] * a.x + w[1] * b.x + w[2] * c.x + w[3] * d.x,
                 w[0] * a.y + w[1] * b.y + w[2] * c.y + w[3] * d.y});
  }
}

void append_arc(Stroke& s, Point center, Point radius, float from, float to) {
  const int steps = std::max(4, static_cast<int>((to - from) / 0.3f));
  for (int i = 0; i <= steps; ++i) {
    const float angle = from + (to - from) * static_cast<float>(i) / static_cast<float>(steps);
    s.push_back({center.x + radius.x * std::cos(angle), center.y + radius.y * std::sin(angle)});
  }
}

std::vector<Glyph> parse_designs(std::string_view text) {
  std::vector<Glyph> glyphs(1);
  size_t at = 0;
  auto number = [&] {
    while (text[at] == ' ') ++at;
    int value = 0;
    const char* const end = std::from_chars(&text[at], text.data() + text.size(), value).ptr;
    at = static_cast<size_t>(end - text.data());
    return static_cast<float>(value) * 0.01f;
  };
  auto point = [&] {
    const float x = number();
    return Point{x, number()};
  };
  while (at < text.size()) {
    const char op = text[at++];
    if (op == ' ') continue;
    if (op == '|') {
      glyphs.emplace_back();
      continue;
    }
    std::vector<Stroke>& strokes = glyphs.back().strokes;
    if (op == 'M' || strokes.empty()) strokes.emplace_back();
    if (op == 'C') {
      const Point b = point(), c = point(), d = point();
      append_cubic(strokes.back(), b, c, d);
    } else if (op == 'E') {
      const Point center = point(), radius = point(), percent = point();
      constexpr float kRadians = 100 * kPi / 180;
      append_arc(strokes.back(), center, radius, percent.x * kRadians, percent.y * kRadians);
    } else {
      strokes.back().push_back(point());
    }
  }
  for (Glyph& g : glyphs) {
    for (const Stroke& s : g.strokes) {
      for (Point p : s) {
        g.left = std::min(g.left, p.x);
        g.right = std::max(g.right, p.x);
      }
    }
  }
  return glyphs;
}

const Glyph& find_design(int digit, int variant) {
  static const auto kGlyphs = [] {
    std::array<std::vector<Glyph>, 10> all;
    std::transform(std::begin(kDesigns), std::end(kDesigns), all.begin(), parse_designs);
    return all;
  }();
  return kGlyphs[static_cast<size_t>(digit)][static_cast<size_t>(variant)];
}

/// Lowers `field` to the signed distance from a stroke of half-width r around a-b.
void add_segment(Plane& field, Point a, Point b, float r, bool butt_a, bool butt_b) {
  constexpr float kReach = 4.0f;
  const float dx = b.x - a.x, dy = b.y - a.y;
  const float length = std::sqrt(dx * dx + dy * dy);
  if (length < 1e-4f) return;
  const float ux = dx / length, uy = dy / length, pad = r + kReach;
  const int x0 = static_cast<int>(std::max(0.0f, std::floor(std::min(a.x, b.x) - pad)));
  const int x1 = static_cast<int>(std::min(kSide - 1.0f, std::max(a.x, b.x) + pad));
  const int y0 = static_cast<int>(std::max(0.0f, std::floor(std::min(a.y, b.y) - pad)));
  const int y1 = static_cast<int>(std::min(kSide - 1.0f, std::max(a.y, b.y) + pad));
  const float round_a = butt_a ? kFar : 0.0f, round_b = butt_b ? kFar : 0.0f;
  const float cut_a = butt_a ? 0.0f : kFar, cut_b = butt_b ? 0.0f : kFar;
  for (int y = y0; y <= y1; ++y) {
    const float py = static_cast<float>(y) - a.y;
    float* row = &field[static_cast<size_t>(y * kSide)];
    for (int x = x0; x <= x1; ++x) {
      const float px = static_cast<float>(x) - a.x;
      const float along = px * ux + py * uy, across = px * uy - py * ux;
      const float before = -along, after = along - length;
      const float over = std::max(0.0f, std::max(before - round_a, after - round_b));
      float d = std::sqrt(over * over + across * across) - r;
      d = std::max(d, std::max(before - cut_a, after - cut_b));
      row[x] = std::min(row[x], d);
    }
  }
}

/// Draws a glyph whose design coordinate `origin` in x lies at `shift` heights from the row's
/// centre.
void add_glyph(Plane& field, const Glyph& glyph, const Style& s, float origin, float shift) {
  auto place = [&](Point p) {
    float y = p.y + s.waist * p.y * (1 - p.y);
    float x = (p.x - origin) * s.aspect;
    x += s.warp * std::sin(5 * y + s.phase_x);
    y += s.warp * std::sin(5 * p.x + s.phase_y);
    y -= 0.5f;
    x = (x + shift - s.slant * y) * s.height;
    y *= s.height;
    return Point{s.center.x + s.cosine * x - s.sine * y, s.center.y + s.sine * x + s.cosine * y};
  };
  std::array<Point, 96> placed;
  for (const Stroke& stroke : glyph.strokes) {
    const size_t n = std::min(stroke.size(), placed.size());
    for (size_t i = 0; i < n; ++i) placed[i] = place(stroke[i]);
    const bool closed = std::abs(stroke[0].x - stroke[n - 1].x) < 0.01f &&
                        std::abs(stroke[0].y - stroke[n - 1].y) < 0.01f;
    const bool butt = !s.round_caps && !closed;
    for (size_t i = 0; i + 1 < n; ++i) {
      const float dx = stroke[i + 1].x - stroke[i].x, dy = stroke[i + 1].y - stroke[i].y;
      const float flat = std::abs(dx) / (std::sqrt(dx * dx + dy * dy) + 1e-6f);
      const float r = s.radius * (1 - s.thin * flat * flat);
      add_segment(field, placed[i], placed[i + 1], r, butt && i == 0, butt && i + 2 == n);
      if (!s.serif || closed || flat > 0.35f) continue;
      for (size_t end : {size_t{0}, n - 1}) {
        if (end != i && end != i + 1) continue;
        const float half = 0.1f / s.aspect + s.radius / s.height;
        const Point p = stroke[end];
        add_segment(field, place({p.x - half, p.y}), place({p.x + half, p.y}),
                    std::max(0.5f, s.radius * 0.35f), true, true);
      }
    }
  }
}

}  // namespace

Style draw_row(Plane& field, int label, const DigitLook& look, Rng& rng) {
  Style s;
  s.height = rng.in(look.height);
  s.aspect = rng.in(look.aspect);
  s.slant = rng.in(look.slant);
  s.warp = rng.in(look.warp);
  s.waist = rng.in(look.waist);
  s.radius = std::max(0.45f, 0.5f * s.height * rng.in(look.thickness));
  s.thin = rng.in(look.thin_horizontals);
  s.phase_x = rng.in(0, 2 * kPi);
  s.phase_y = rng.in(0, 2 * kPi);
  const float angle = rng.in(look.rotation);
  s.cosine = std::cos(angle);
  s.sine = std::sin(angle);
  s.center.x = 0.5f * (kSide - 1) + rng.in(look.offset_x);
  s.center.y = 0.5f * (kSide - 1) + rng.in(look.offset_y);
  s.boxy = rng.chance(look.p_boxy);
  s.serif = rng.chance(look.p_serif) && !s.boxy;
  s.round_caps = rng.chance(look.p_round_caps);

  field.fill(kFar);
  auto pick = [&](int digit) -> const Glyph& {
    return find_design(digit, s.boxy ? kVariants - 1 : rng.below(kVariants - 1));
  };
  const Glyph& main = pick(label);
  add_glyph(field, main, s, 0.5f * (main.left + main.right), 0);
  const float stroke = 2 * s.radius / s.height;
  const float gap = rng.in(look.gap) + stroke;
  for (float side : {-1.0f, 1.0f}) {
    float edge = 0.5f * (main.right - main.left) * s.aspect;
    for (int i = 0; i < 2 && rng.chance(look.p_neighbour); ++i) {
      const Glyph& other = pick(rng.below(10));
      add_glyph(field, other, s, side < 0 ? other.right : other.left, side * (edge + gap));
      edge += gap + (other.right - other.left) * s.aspect;
    }
  }
  return s;
}

}  // namespace gradus::ssgan::digit_parts
