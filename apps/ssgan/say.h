#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <utility>

namespace gradus::ssgan {

/// Prints to stderr. Where that takes nothing (a closed pipe or terminal, a full disk) the words
/// are lost and the program goes on.
template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  const std::string text = fmt::format(format, std::forward<Args>(args)...);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace gradus::ssgan
