#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace gradus::ssgan {

/// Text made safe between tags and in quoted attributes of HTML and SVG. Control characters,
/// which HTML does not allow, and bytes that are not UTF-8 become U+FFFD.
std::string escape_html(std::string_view text);

/// RFC 4648, section 4, with padding.
std::string base64(std::span<const std::byte> bytes);

/// 12345 -> "12,345". Here and below an en dash for what is not finite.
std::string grouped(double whole_number);

/// 0.7215 -> "72.2 %".
std::string percent(double fraction);

/// "8.4 s", "4 min 10 s", "2 h 13 min"; an en dash below 0, too.
std::string duration(double seconds);

/// Four decimals, or four significant digits where those say nothing.
std::string loss(double value);

/// Four significant digits.
std::string number(double value);

}  // namespace gradus::ssgan
