#include "apps/ssgan/report/score_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/ssgan/report/picture_text.h"

namespace gradus::ssgan {
namespace {

constexpr Colour kPaper{255, 255, 255}, kInk{30, 30, 40}, kFull{20, 70, 150}, kWrong{176, 32, 32};
constexpr int kScale = 2;  // pixels a dot of the letters

/// `share` of the way from paper to the darkest.
Colour shade(double share) {
  const auto mix = [share](uint8_t from, uint8_t to) {
    return static_cast<uint8_t>(std::lround(from + share * (to - from)));
  };
  return {mix(kPaper.r, kFull.r), mix(kPaper.g, kFull.g), mix(kPaper.b, kFull.b)};
}

}  // namespace

Picture confusion_picture(const Scores& s, const std::vector<std::string>& names) {
  constexpr int kMostNamed = 40, kCell = 40, kSmallCell = 4, kMostName = 160, kGap = 6;
  const auto n = static_cast<int>(s.classes);
  const bool named = n <= kMostNamed;
  const int cell = named ? kCell : kSmallCell;
  int name_width = 0;
  if (named)
    for (const std::string& name : names)
      name_width = std::max(name_width, text_width(fitting(name, kMostName, kScale), kScale));
  const int edge = name_width + 2 * kGap;
  Picture p = blank(edge + n * cell + kGap, edge + n * cell + kGap, kPaper);
  for (int label = 0; label < n; ++label) {
    const double all = std::max<double>(double(s.images_of(label)), 1);
    const int top = edge + label * cell;
    for (int as = 0; as < n; ++as) {
      const int64_t count = s.taken(label, as);
      const double share = double(count) / all;
      const int left = edge + as * cell;
      fill(p, left, top, cell - 1, cell - 1,
           count ? shade(0.06 + 0.94 * share) : Colour{242, 242, 242});
      if (!named || count == 0) continue;
      const std::string text = std::to_string(count);
      const int scale = text_width(text, kScale) < cell - 4 ? kScale : 1;
      draw_text(p, left + (cell - 1 - text_width(text, scale)) / 2,
                top + (cell - 1 - kTextHeight * scale) / 2, text, scale,
                share > 0.5 ? kPaper : kInk);
    }
    if (!named) continue;
    const std::string_view name = fitting(names[size_t(label)], kMostName, kScale);
    const int middle = (cell - 1 - kTextHeight * kScale) / 2;
    draw_text(p, edge - kGap - text_width(name, kScale), top + middle, name, kScale, kInk);
    draw_text_upwards(p, edge + label * cell + middle, edge - kGap, name, kScale, kInk);
  }
  return p;
}

Picture mistakes_picture(const Scores& s, const Predictions& predictions, const ImageSet& images,
                         const std::vector<std::string>& names, int64_t count) {
  constexpr int kColumns = 8, kWidth = 128, kGap = 8, kLine = kTextHeight * kScale + 4;
  constexpr int kHeight = kWidth + 2 * kLine;
  const auto side = static_cast<int>(images.images.shape()[1]), zoom = kWidth / side;
  count = std::min(count, static_cast<int64_t>(s.mistakes.size()));
  const int columns = static_cast<int>(std::clamp<int64_t>(count, 1, kColumns));
  const int rows = static_cast<int>(std::max<int64_t>((count + columns - 1) / columns, 1));
  Picture p = blank(columns * (kWidth + kGap) + kGap, rows * (kHeight + kGap) + kGap, kPaper);
  if (count == 0) draw_text(p, kGap, kGap, "no mistakes", kScale, kInk);
  const auto pixels = images.images.span<uint8_t>();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t image = s.mistakes[size_t(i)];
    const int left = kGap + static_cast<int>(i % columns) * (kWidth + kGap);
    const int top = kGap + static_cast<int>(i / columns) * (kHeight + kGap);
    const uint8_t* rgb = &pixels[size_t(image) * size_t(side) * size_t(side) * 3];
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x, rgb += 3)
        fill(p, left + x * zoom, top + y * zoom, zoom, zoom, {rgb[0], rgb[1], rgb[2]});
    const auto label = static_cast<size_t>(images.labels.span<int32_t>()[size_t(image)]);
    const std::string percent = fmt::format(" {:.0f}%", 100 * predictions.confidence(image));
    const std::string_view taken_for =
        fitting(names[size_t(predictions.class_of(image))],
                kWidth - text_width(percent, kScale) - kScale, kScale);
    draw_text(p, left, top + kWidth + 4, fmt::format("{}{}", taken_for, percent), kScale, kWrong);
    draw_text(p, left, top + kWidth + kLine + 4, fitting("is " + names[label], kWidth, kScale),
              kScale, kInk);
  }
  return p;
}

}  // namespace gradus::ssgan
