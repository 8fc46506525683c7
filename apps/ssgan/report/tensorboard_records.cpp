#include "apps/ssgan/report/tensorboard_records.h"

#include <optional>

#include "apps/ssgan/protobuf.h"
#include "nn/crc32c.h"

namespace gradus::ssgan {
namespace {

std::string masked_crc(std::string_view bytes) { return little_endian(masked_crc32c(bytes)); }

std::string record(std::string_view event) {
  const std::string length = little_endian(uint64_t{event.size()});
  return length + masked_crc(length) + std::string(event) + masked_crc(event);
}

/// False where the bytes end within it.
bool take_varint(std::string_view& bytes, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool skip(std::string_view& bytes, uint64_t count) {
  if (bytes.size() < count) return false;
  bytes.remove_prefix(count);
  return true;
}

/// The length at the start of a record that is whole and undamaged, else nothing.
std::optional<size_t> whole_record(std::string_view file) {
  constexpr size_t kHead = 12, kTail = 4;
  if (file.size() < kHead + kTail) return {};
  uint64_t length = 0;
  for (size_t i = 0; i < 8; ++i) length |= uint64_t{static_cast<uint8_t>(file[i])} << (8 * i);
  if (length > file.size() - kHead - kTail || file.substr(8, 4) != masked_crc(file.substr(0, 8)) ||
      file.substr(kHead + length, 4) != masked_crc(file.substr(kHead, length)))
    return {};
  return kHead + length + kTail;
}

// Field numbers of event.proto and summary.proto.
namespace event {
constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5;
}
namespace summary {
constexpr int kValue = 1;
}
namespace value {
constexpr int kTag = 1, kSimpleValue = 2, kImage = 4;
}
namespace image {
constexpr int kHeight = 1, kWidth = 2, kColorspace = 3, kEncoded = 4;
constexpr int kRgb = 3;
}  // namespace image

/// 0 where the event has none.
int64_t step_of(std::string_view bytes) {
  uint64_t key = 0, value = 0;
  while (take_varint(bytes, key)) {
    const int type = static_cast<int>(key & 7);
    bool ok = type == 0   ? take_varint(bytes, value)
              : type == 1 ? skip(bytes, 8)
              : type == 5 ? skip(bytes, 4)
                          : type == 2 && take_varint(bytes, value) && skip(bytes, value);
    if (!ok) break;
    if (key >> 3 == event::kStep && type == 0) return static_cast<int64_t>(value);
  }
  return 0;
}

std::string summary_record(const Message& summary_value, int64_t step, double wall_time) {
  return record(Message()
                    .float64(event::kWallTime, wall_time)
                    .integer(event::kStep, step)
                    .message(event::kSummary, Message().message(summary::kValue, summary_value))
                    .bytes());
}

}  // namespace

std::string file_version_record(double wall_time) {
  return record(Message()
                    .float64(event::kWallTime, wall_time)
                    .text(event::kFileVersion, "brain.Event:2")
                    .bytes());
}

std::string scalar_record(std::string_view tag, double value, int64_t step, double wall_time) {
  Message scalar;
  scalar.text(value::kTag, tag).float32(value::kSimpleValue, static_cast<float>(value));
  return summary_record(scalar, step, wall_time);
}

std::string image_record(std::string_view tag, std::span<const uint8_t> png, int width, int height,
                         int64_t step, double wall_time) {
  Message picture;
  picture.integer(image::kHeight, height)
      .integer(image::kWidth, width)
      .integer(image::kColorspace, image::kRgb)
      .text(image::kEncoded, {reinterpret_cast<const char*>(png.data()), png.size()});
  return summary_record(Message().text(value::kTag, tag).message(value::kImage, picture), step,
                        wall_time);
}

std::string records_upto(std::string_view file, int64_t step) {
  std::string kept;
  while (const auto size = whole_record(file)) {
    if (step_of(file.substr(12, *size - 16)) <= step) kept += file.substr(0, *size);
    file.remove_prefix(*size);
  }
  return kept;
}

}  // namespace gradus::ssgan
