#pragma once

#include <fmt/format.h>

#include <ostream>
#include <string>

namespace gradus {

/// Types whose values fmt and output streams show as `to_string` does: true beside that function.
template <class T>
inline constexpr bool kPrinted = false;

template <class T>
requires kPrinted<T> std::ostream& operator<<(std::ostream& out, const T& value) {
  return out << to_string(value);
}

}  // namespace gradus

template <class T>
requires gradus::kPrinted<T>
struct fmt::formatter<T, char> : formatter<std::string> {
  template <class Context>
  auto format(const T& value, Context& context) const {
    return formatter<std::string>::format(to_string(value), context);
  }
};
