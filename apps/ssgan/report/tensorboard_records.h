#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gradus::ssgan {

/// Records of a TensorBoard event file, as bytes to append: u64 length, masked crc32c of the
/// length, an Event in protobuf's wire format (tensorflow/core/util/event.proto), masked crc32c of
/// the event; integers are little-endian. `wall_time` is in seconds since 1970.

/// The first record of every file.
std::string file_version_record(double wall_time);

/// TensorBoard keeps single precision only: the value is rounded to f32.
std::string scalar_record(std::string_view tag, double value, int64_t step, double wall_time);

/// An RGB picture, encoded as PNG, of width x height pixels.
std::string image_record(std::string_view tag, std::span<const uint8_t> png, int width, int height,
                         int64_t step, double wall_time);

/// The records of an event file, up to the first that is cut short or damaged, without those of
/// steps beyond `step`.
std::string records_upto(std::string_view file, int64_t step);

}  // namespace gradus::ssgan
