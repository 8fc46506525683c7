#include "apps/ssgan/report/tensorboard.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "apps/ssgan/report/tensorboard_records.h"
#include "tensor/error.h"

namespace gradus::ssgan {
namespace {

double now() {
  using Seconds = std::chrono::duration<double>;
  return Seconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  std::ranges::replace(name, '/', '_');
  return name.data();
}

GrowingFile new_event_file(const std::filesystem::path& dir, double time) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  require<OutputError>(!error, "{}: the folder cannot be created: {}", dir.string(),
                       error.message());
  const std::string stem = fmt::format("events.out.tfevents.{:010}.{}.{}",
                                       static_cast<int64_t>(time), host_name(), ::getpid());
  // Two writers of one process may start in the same second.
  constexpr int kAttempts = 1000;
  for (int n = 0; n < kAttempts; ++n) {
    GrowingFile file(dir / fmt::format("{}.{}", stem, n), GrowingFile::Open::only_new);
    if (file.is_open()) return file;
  }
  throw OutputError(
      fmt::format("{}: holds {} files of this second and process", dir.string(), kAttempts));
}

}  // namespace

TensorBoardWriter::TensorBoardWriter(const std::filesystem::path& dir)
    : file_(new_event_file(dir, now())) {
  file_.append(file_version_record(now()));
}

void TensorBoardWriter::scalar(const std::string& tag, double value, int64_t step) {
  file_.append(scalar_record(tag, value, step, now()));
}

void TensorBoardWriter::image(const std::string& tag, std::span<const uint8_t> png, int width,
                              int height, int64_t step) {
  file_.append(image_record(tag, png, width, height, step, now()));
}

}  // namespace gradus::ssgan
