#include "tensor/safetensors_values.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

namespace gradus {
namespace {

struct Half {
  uint16_t bits;
};
struct BFloat {
  uint16_t bits;
};
struct Bool {
  uint8_t byte;
};

/// IEEE 754's binary16: a sign, 5 bits of exponent, 10 of fraction. Every value is one of f32.
float widened(Half h) {
  const int exponent = h.bits >> 10 & 31, fraction = h.bits & 1023;
  float magnitude;
  if (exponent == 31)
    magnitude = std::bit_cast<float>(0x7f80'0000u | static_cast<uint32_t>(fraction) << 13);
  else if (exponent == 0)
    magnitude = std::ldexp(static_cast<float>(fraction), -24);
  else
    magnitude = std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
  return h.bits & 0x8000 ? -magnitude : magnitude;
}

/// The upper half of an f32.
float widened(BFloat b) { return std::bit_cast<float>(static_cast<uint32_t>(b.bits) << 16); }

uint8_t widened(Bool b) { return b.byte != 0; }

template <class From, class To>
bool read_as(const std::byte* from, int64_t count, void* to) {
  if constexpr (std::is_same_v<From, To>) {
    if (count > 0) std::memcpy(to, from, static_cast<size_t>(count) * sizeof(To));
  } else {
    auto* target = static_cast<To*>(to);
    for (int64_t i = 0; i < count; ++i) {
      From value;
      std::memcpy(&value, from + static_cast<size_t>(i) * sizeof(From), sizeof(From));
      if constexpr (std::is_integral_v<From>) {
        if (!std::in_range<To>(value)) return false;
        target[i] = static_cast<To>(value);  // NOLINT: a number that may be negative
      } else {
        target[i] = widened(value);
      }
    }
  }
  return true;
}

template <class From, class To>
constexpr StoredDType stored(std::string_view name) {
  return {name, sizeof(From), dtype_of<To>(), read_as<From, To>};
}

constexpr std::array kStored{stored<float, float>("F32"),      stored<double, double>("F64"),
                             stored<int32_t, int32_t>("I32"),  stored<uint8_t, uint8_t>("U8"),
                             stored<Half, float>("F16"),       stored<BFloat, float>("BF16"),
                             stored<Bool, uint8_t>("BOOL"),    stored<int8_t, int32_t>("I8"),
                             stored<int16_t, int32_t>("I16"),  stored<uint16_t, int32_t>("U16"),
                             stored<uint32_t, int32_t>("U32"), stored<int64_t, int32_t>("I64"),
                             stored<uint64_t, int32_t>("U64")};

}  // namespace

std::optional<StoredDType> find_stored_dtype(std::string_view name) {
  const auto* it = std::ranges::find(kStored, name, &StoredDType::name);
  if (it == kStored.end()) return {};
  return *it;
}

}  // namespace gradus
