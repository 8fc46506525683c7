#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace gradus {

/// The base of everything that Gradus throws. A message starts with the operation or the file,
/// then says what was expected and what came.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Shapes, axes or sizes that do not fit together.
struct ShapeError : Error {
  using Error::Error;
};
/// An element type that an operation does not take.
struct TypeError : Error {
  using Error::Error;
};
/// A device that is missing, out of memory, or not the one expected.
struct DeviceError : Error {
  using Error::Error;
};
/// A tape used against its rules.
struct TapeError : Error {
  using Error::Error;
};
/// Data that is missing, damaged, or of another kind than its reader expects.
struct DataError : Error {
  using Error::Error;
};
/// A file or folder that cannot be written.
struct OutputError : Error {
  using Error::Error;
};

/// Throws E with the formatted message (fmt's syntax) unless `ok`.
template <class E = Error, class... Args>
void require(bool ok, fmt::format_string<Args...> format, Args&&... args) {
  if (!ok) [[unlikely]]
    throw E(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace gradus
