#pragma once

#include <string_view>

#include "nn/data/picture.h"

namespace gradus::ssgan {

struct Colour {
  uint8_t r = 0, g = 0, b = 0;
};

/// A picture of one colour.
Picture blank(int width, int height, Colour colour);
/// The part of the rectangle that is in the picture.
void fill(Picture& picture, int left, int top, int width, int height, Colour colour);

/// Small letters of 5 rows: capitals, digits and signs of ASCII, any other character as a box.
inline constexpr int kTextHeight = 5;
/// Pixels, at `scale` pixels a dot.
int text_width(std::string_view text, int scale);
/// As much of the beginning of `text` as is not wider than `width` pixels.
std::string_view fitting(std::string_view text, int width, int scale);
/// What lies outside the picture is left out.
void draw_text(Picture& picture, int left, int top, std::string_view text, int scale,
               Colour colour);
/// Upwards: `left` and `bottom` are where it begins.
void draw_text_upwards(Picture& picture, int left, int bottom, std::string_view text, int scale,
                       Colour colour);

}  // namespace gradus::ssgan
