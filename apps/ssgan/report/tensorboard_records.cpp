#include "apps/ssgan/report/tensorboard_records.h"

#include <bit>
#include <concepts>

#include "apps/ssgan/crc32c.h"

namespace gradus::ssgan {
namespace {

template <std::unsigned_integral U>
std::string little_endian(U value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof(U); ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xFF);
  return bytes;
}

std::string masked_crc(std::string_view bytes) { return little_endian(masked_crc32c(bytes)); }

std::string record(std::string_view event) {
  const std::string length = little_endian(uint64_t{event.size()});
  return length + masked_crc(length) + std::string(event) + masked_crc(event);
}

/// Builds a protobuf message, field by field.
class Message {
 public:
  Message& integer(int field, int64_t value) {
    key(field, 0);
    varint(static_cast<uint64_t>(value));
    return *this;
  }
  Message& float64(int field, double value) {
    key(field, 1);
    bytes_ += little_endian(std::bit_cast<uint64_t>(value));
    return *this;
  }
  Message& float32(int field, float value) {
    key(field, 5);
    bytes_ += little_endian(std::bit_cast<uint32_t>(value));
    return *this;
  }
  Message& text(int field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& message(int field, const Message& value) { return text(field, value.bytes_); }
  const std::string& bytes() const { return bytes_; }

 private:
  void key(int field, int wire_type) { varint(static_cast<uint64_t>(field << 3 | wire_type)); }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7F) | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

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

}  // namespace gradus::ssgan
