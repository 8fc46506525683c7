#include "apps/ssgan/report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "apps/ssgan/utf8.h"

namespace gradus::ssgan {
namespace {

constexpr const char* kNone = "–";

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : as_utf8(text)) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else if ((static_cast<uint8_t>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F)
      out += "\uFFFD";
    else
      out += c;
  }
  return out;
}

std::string base64(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < count ? std::to_integer<uint32_t>(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; ++j) out += j <= count ? kDigits[(group >> (18 - 6 * j)) & 63] : '=';
  }
  return out;
}

std::string grouped(double whole_number) {
  if (!std::isfinite(whole_number)) return kNone;
  std::string digits = fmt::format("{:.0f}", std::abs(whole_number));
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return (std::signbit(whole_number) && digits != "0" ? "−" : "") + digits;
}

std::string percent(double fraction) {
  return std::isfinite(fraction) ? fmt::format("{:.1f}\u00A0%", 100 * fraction) : kNone;
}

std::string duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return kNone;
  if (seconds < 59.95) return fmt::format("{:.1f}\u00A0s", seconds);
  const double whole = std::round(seconds);
  if (whole < 3600)
    return fmt::format("{:.0f}\u00A0min {:.0f}\u00A0s", std::floor(whole / 60),
                       std::fmod(whole, 60));
  const double minutes = std::round(seconds / 60);
  return fmt::format("{}\u00A0h {:.0f}\u00A0min", grouped(std::floor(minutes / 60)),
                     std::fmod(minutes, 60));
}

std::string loss(double value) {
  const double size = std::abs(value);
  return size == 0 || (size >= 0.001 && size < 1e6) ? fmt::format("{:.4f}", value) : number(value);
}

std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{:.4g}", value) : kNone;
}

}  // namespace gradus::ssgan
