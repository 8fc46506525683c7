#pragma once

#include <string>

namespace gradus {

/// The message of the E that fn throws.
template <class E, class Fn>
std::string message_of(const Fn& fn) {
  try {
    static_cast<void>(fn());
  } catch (const E& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace gradus
