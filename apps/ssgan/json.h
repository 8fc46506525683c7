#pragma once

#include <nlohmann/json.hpp>
#include <string_view>
#include <type_traits>
#include <utility>

#include "tensor/error.h"

namespace gradus::ssgan {

inline constexpr int kMaxJsonDepth = 32;

/// Every JSON text that the program reads. Throws DataError where it is none, or where arrays and
/// objects are nested more than 32 deep, which functions that call themselves would not survive.
inline nlohmann::ordered_json parse_json(std::string_view text) {
  using Json = nlohmann::ordered_json;
  try {
    return Json::parse(text, [](int depth, Json::parse_event_t, Json&) {
      require<DataError>(depth <= kMaxJsonDepth, "JSON nested more than {} deep", kMaxJsonDepth);
      return true;
    });
  } catch (const Json::exception& e) {
    throw DataError(fmt::format("not JSON: {}", e.what()));
  }
}

/// An object; null where the text is anything else.
inline nlohmann::ordered_json parse_json_object(std::string_view text) {
  try {
    auto json = parse_json(text);
    if (json.is_object()) return json;
  } catch (const DataError&) {
  }
  return nullptr;
}

/// A number of this key; `otherwise` where there is none.
template <class T>
T number_or(const nlohmann::ordered_json& object, const char* key, T otherwise) {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_number()) return otherwise;
  if constexpr (std::is_integral_v<T>) {
    if (!it->is_number_integer() || !std::in_range<T>(it->template get<int64_t>()))
      return otherwise;
  }
  return it->template get<T>();
}

}  // namespace gradus::ssgan
