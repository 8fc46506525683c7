#pragma once

#include <string>
#include <vector>

#include "apps/ssgan/report/chart.h"

namespace gradus::ssgan {

/// Whether the environment's locale (LC_ALL, else LC_CTYPE, else LANG) is a UTF-8 one.
bool speaks_utf8();

/// A curve for a terminal, lines of at most `columns` characters, at least 20: the title, `rows`
/// lines with the highest and lowest value beside the first and last, and what x goes from and to.
/// In dots of Braille's characters, or of ASCII's. Nothing where no point is drawable.
std::vector<std::string> draw_text_chart(const std::string& title, const Series& series,
                                         bool percent, int columns, int rows, bool utf8);

}  // namespace gradus::ssgan
