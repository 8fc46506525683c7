#include "apps/ssgan/run/shell.h"

#include <errno.h>

#include <cstdlib>

namespace gradus::ssgan {

std::string for_shell(const std::string& word) {
  constexpr const char* kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:=,+@%";
  const bool is_text = word.find_first_not_of(kPlain) != std::string::npos;
  if (!is_text && !word.empty()) return word;
  bool has_control = false;
  for (const char c : word) has_control |= static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  std::string out = has_control ? "$'" : "'";
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (has_control && (byte < 0x20 || byte == 0x7F || c == '\\' || c == '\'')) {
      constexpr const char* kOctal = "01234567";
      out += '\\';
      for (int shift = 6; shift >= 0; shift -= 3) out += kOctal[byte >> shift & 7];
    } else if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string this_program() { return for_shell(program_invocation_name); }

bool started_by_script() {
  const char* script = std::getenv("GRADUS_SCRIPT");
  return script && *script;
}

std::string this_training() {
  return (started_by_script() ? for_shell(std::getenv("GRADUS_SCRIPT")) : this_program()) +
         " train";
}

}  // namespace gradus::ssgan
