#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "tensor/file.h"

namespace gradus::ssgan {

/// Appends to an event file of its own, `events.out.tfevents.<time>.<host>.<pid>.<n>`, which
/// TensorBoard can read while the run goes on. A record is in the file as soon as the call
/// returns. Everything here throws OutputError, with the path and the system's reason, where the
/// file cannot be written; it then still ends with a whole record, unless the message says
/// otherwise.
class TensorBoardWriter {
 public:
  /// Creates the folder `dir` where it is missing, and the file in it, with its first record.
  explicit TensorBoardWriter(const std::filesystem::path& dir);

  void scalar(const std::string& tag, double value, int64_t step);
  /// `png` holds a PNG file of width x height pixels.
  void image(const std::string& tag, std::span<const uint8_t> png, int width, int height,
             int64_t step);
  /// Waits until the disk has what was written.
  void flush() { file_.sync(); }

  const std::filesystem::path& path() const { return file_.path(); }

 private:
  GrowingFile file_;
};

}  // namespace gradus::ssgan
