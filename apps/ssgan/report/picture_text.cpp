#include "apps/ssgan/report/picture_text.h"

#include <algorithm>

#include "apps/ssgan/utf8.h"

namespace gradus::ssgan {
namespace {

struct Glyph {
  char character;
  std::string_view rows;  ///< five, with a space between them
};

constexpr Glyph kGlyphs[] = {
    {'A', ".##. #..# #### #..# #..#"},
    {'B', "###. #..# ###. #..# ###."},
    {'C', ".### #... #... #... .###"},
    {'D', "###. #..# #..# #..# ###."},
    {'E', "#### #... ###. #... ####"},
    {'F', "#### #... ###. #... #..."},
    {'G', ".### #... #.## #..# .###"},
    {'H', "#..# #..# #### #..# #..#"},
    {'I', "### .#. .#. .#. ###"},
    {'J', "..## ...# ...# #..# .##."},
    {'K', "#..# #.#. ##.. #.#. #..#"},
    {'L', "#... #... #... #... ####"},
    {'M', "#...# ##.## #.#.# #...# #...#"},
    {'N', "#..# ##.# #.## #..# #..#"},
    {'O', ".##. #..# #..# #..# .##."},
    {'P', "###. #..# ###. #... #..."},
    {'Q', ".##. #..# #..# #.## .###"},
    {'R', "###. #..# ###. #.#. #..#"},
    {'S', ".### #... .##. ...# ###."},
    {'T', "##### ..#.. ..#.. ..#.. ..#.."},
    {'U', "#..# #..# #..# #..# .##."},
    {'V', "#...# #...# .#.#. .#.#. ..#.."},
    {'W', "#...# #...# #.#.# ##.## #...#"},
    {'X', "#...# .#.#. ..#.. .#.#. #...#"},
    {'Y', "#...# .#.#. ..#.. ..#.. ..#.."},
    {'Z', "#### ..#. .#.. #... ####"},
    {'0', ".##. #.## #..# ##.# .##."},
    {'1', ".#. ##. .#. .#. ###"},
    {'2', "###. ...# .##. #... ####"},
    {'3', "###. ...# .##. ...# ###."},
    {'4', "#..# #..# #### ...# ...#"},
    {'5', "#### #... ###. ...# ###."},
    {'6', ".##. #... ###. #..# .##."},
    {'7', "#### ...# ..#. .#.. .#.."},
    {'8', ".##. #..# .##. #..# .##."},
    {'9', ".##. #..# .### ...# .##."},
    {' ', "... ... ... ... ..."},
    {'.', ". . . . #"},
    {',', ".. .. .. .# #."},
    {':', ". # . # ."},
    {'-', "... ... ### ... ..."},
    {'_', "... ... ... ... ###"},
    {'+', "... .#. ### .#. ..."},
    {'/', "..# ..# .#. #.. #.."},
    {'%', "#..# ...# ..#. .#.. #..#"},
    {'(', ".# #. #. #. .#"},
    {')', "#. .# .# .# #."},
    {'=', "... ### ... ### ..."},
    {'!', "# # # . #"},
    {'?', "###. ...# .##. .... .#.."},
    {'\'', "# # . . ."},
    {'&', ".#.. #.#. .#.# #.#. .#.#"},
    {'#', ".#.# #### .#.# #### .#.#"},
    {'*', "... #.# .#. #.# ..."},
};
constexpr std::string_view kBox = "### #.# #.# #.# ###";

std::string_view rows_of(std::string_view character) {
  const char c = character[0];
  const char capital = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  const auto* const found = std::ranges::find(kGlyphs, capital, &Glyph::character);
  return character.size() > 1 || found == std::end(kGlyphs) ? kBox : found->rows;
}

int columns_of(std::string_view rows) { return static_cast<int>(rows.find(' ')); }

/// The first character, UTF-8 or a byte that is none.
std::string_view first_of(std::string_view text) {
  return text.substr(0, std::max<size_t>(utf8_length(text), 1));
}

/// Calls dot(x, y) for each dot, counted from the text's upper left.
template <class Dot>
void for_each_dot(std::string_view text, const Dot& dot) {
  for (int x = 0; !text.empty(); text.remove_prefix(first_of(text).size())) {
    const std::string_view rows = rows_of(first_of(text));
    const int columns = columns_of(rows);
    for (int y = 0; y < kTextHeight; ++y)
      for (int i = 0; i < columns; ++i)
        if (rows[static_cast<size_t>(y * (columns + 1) + i)] == '#') dot(x + i, y);
    x += columns + 1;
  }
}

}  // namespace

Picture blank(int width, int height, Colour colour) {
  Picture p{width, height, std::vector<uint8_t>(size_t{3} * size_t(width) * size_t(height))};
  fill(p, 0, 0, width, height, colour);
  return p;
}

void fill(Picture& p, int left, int top, int width, int height, Colour colour) {
  for (int y = std::max(top, 0); y < std::min(top + height, p.height); ++y)
    for (int x = std::max(left, 0); x < std::min(left + width, p.width); ++x) {
      uint8_t* pixel = &p.rgb[3 * (size_t(y) * size_t(p.width) + size_t(x))];
      pixel[0] = colour.r, pixel[1] = colour.g, pixel[2] = colour.b;
    }
}

int text_width(std::string_view text, int scale) {
  int dots = 0;
  for (; !text.empty(); text.remove_prefix(first_of(text).size()))
    dots += columns_of(rows_of(first_of(text))) + 1;
  return std::max(dots - 1, 0) * scale;
}

std::string_view fitting(std::string_view text, int width, int scale) {
  size_t size = 0;
  while (size < text.size()) {
    const size_t next = size + first_of(text.substr(size)).size();
    if (text_width(text.substr(0, next), scale) > width) break;
    size = next;
  }
  return text.substr(0, size);
}

void draw_text(Picture& p, int left, int top, std::string_view text, int scale, Colour colour) {
  for_each_dot(text, [&](int x, int y) {
    fill(p, left + x * scale, top + y * scale, scale, scale, colour);
  });
}

void draw_text_upwards(Picture& p, int left, int bottom, std::string_view text, int scale,
                       Colour colour) {
  for_each_dot(text, [&](int x, int y) {
    fill(p, left + y * scale, bottom - (x + 1) * scale, scale, scale, colour);
  });
}

}  // namespace gradus::ssgan
