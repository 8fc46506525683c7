#include "apps/ssgan/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace gradus::ssgan {
namespace {

constexpr std::string_view kUrl = "file://";

/// Of a whole character.
uint32_t code_point(std::string_view character) {
  const auto first = static_cast<uint8_t>(character[0]);
  if (character.size() == 1) return first;
  uint32_t code = first & (0x7Fu >> character.size());
  for (const char c : character.substr(1)) code = code << 6 | (static_cast<uint8_t>(c) & 0x3Fu);
  return code;
}

}  // namespace

size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) return 1;
  const size_t size = first >> 5 == 0x6 ? 2 : first >> 4 == 0xE ? 3 : first >> 3 == 0x1E ? 4 : 0;
  if (size == 0 || text.size() < size) return 0;
  for (const char c : text.substr(1, size - 1))
    if (static_cast<uint8_t>(c) >> 6 != 0x2) return 0;
  const uint32_t code = code_point(text.substr(0, size));
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xD800 && code < 0xE000;
  return code < kSmallest[size] || is_surrogate || code > 0x10FFFF ? 0 : size;
}

bool is_utf8(std::string_view text) {
  while (const size_t size = utf8_length(text)) text.remove_prefix(size);
  return text.empty();
}

std::string as_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t size = utf8_length(text);
    out += size ? text.substr(0, size) : std::string_view("\uFFFD");
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return out;
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t size = utf8_length(text);
    const std::string_view character = text.substr(0, std::max<size_t>(size, 1));
    const uint32_t code = size ? code_point(character) : 0;
    const bool is_plain = code >= 0x20 && !(code >= 0x7F && code < 0xA0);
    if (is_plain || character == "\n" || character == "\t")
      out += character;
    else
      for (const char c : character) out += fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
    text.remove_prefix(character.size());
  }
  return out;
}

std::string path_to_json(const std::string& path) {
  if (is_utf8(path) && !path.starts_with(kUrl)) return path;
  std::string url(kUrl);
  for (const char c : path) {
    const auto byte = static_cast<uint8_t>(c);
    const bool is_plain = byte > 0x20 && byte < 0x7F && c != '%' && c != '?' && c != '#';
    url += is_plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return url;
}

std::string path_from_json(const std::string& text) {
  if (!text.starts_with(kUrl)) return text;
  std::string path;
  for (size_t i = kUrl.size(); i < text.size(); ++i) {
    unsigned byte = 0;
    const char* at = text.data() + i;
    const bool is_code = text[i] == '%' && i + 2 < text.size() &&
                         std::from_chars(at + 1, at + 3, byte, 16).ptr == at + 3;
    path += is_code ? static_cast<char>(byte) : text[i];
    if (is_code) i += 2;
  }
  return path;
}

}  // namespace gradus::ssgan
