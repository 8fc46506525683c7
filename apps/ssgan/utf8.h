#pragma once

#include <string>
#include <string_view>

namespace gradus::ssgan {

/// The bytes of the first character of `text`, or 0 where they are not UTF-8 (RFC 3629).
size_t utf8_length(std::string_view text);
bool is_utf8(std::string_view text);
/// Bytes that are not UTF-8 become U+FFFD.
std::string as_utf8(std::string_view text);
/// For a terminal, which would obey control characters: they, but for line ends and tabs, and bytes
/// that are not UTF-8 become "\x1b".
std::string printable(std::string_view text);

/// A path as JSON can hold it: as it is, or, where it is not UTF-8, a URL "file:///a%FFb".
std::string path_to_json(const std::string& path);
std::string path_from_json(const std::string& text);

}  // namespace gradus::ssgan
