#pragma once

#include <string>

#include "tensor/device.h"

namespace gradus {

class Backend;

/// What this thread is doing while the scope lives: "real.conv2", "gradient of real.conv2: conv2d".
/// An error about memory tells it, and profilers of the device show it as a range. Scopes of a
/// thread end in the reverse order.
class Scope {
 public:
  /// Throws DeviceError where there is no such device.
  Scope(Device device, std::string name);
  /// For errors alone.
  explicit Scope(std::string name);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  /// The scopes that this thread is in, from the outermost on, joined by ": "; "" in none.
  static std::string path();

 private:
  std::string name_;
  Backend* backend_ = nullptr;  ///< that shows the range
  const Scope* outer_;
};

}  // namespace gradus
