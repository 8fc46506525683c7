#pragma once

#include <fmt/format.h>

#include <ostream>
#include <string>

namespace gradus {

/// True beside the `to_string` of a type whose values fmt and output streams show by it.
template <class T>
inline constexpr bool kPrinted = false;
template <class T>
concept Printed = kPrinted<T>;

/// `to_string` where fmt's own is not in sight.
template <Printed T>
std::string printed(const T& value) {
  return to_string(value);
}

template <Printed T>
std::ostream& operator<<(std::ostream& out, const T& value) {
  return out << printed(value);
}

}  // namespace gradus

namespace fmt {

template <gradus::Printed T>
struct formatter<T, char> : formatter<std::string> {
  template <class Context>
  auto format(const T& value, Context& context) const {
    return formatter<std::string>::format(gradus::printed(value), context);
  }
};

}  // namespace fmt
