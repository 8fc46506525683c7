#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "tensor/error.h"

namespace gradus {

/// Element types: f32 and f64 carry gradients, i32 and u8 are for data.
enum class DType : uint8_t { f32, f64, i32, u8 };

/// In bytes.
constexpr size_t size_of(DType t) {
  switch (t) {
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::f64:
      return 8;
    case DType::u8:
      return 1;
  }
  return 0;
}

/// "f32".
constexpr std::string_view name(DType t) {
  switch (t) {
    case DType::f32:
      return "f32";
    case DType::f64:
      return "f64";
    case DType::i32:
      return "i32";
    case DType::u8:
      return "u8";
  }
  return "?";
}

constexpr bool is_float(DType t) { return t == DType::f32 || t == DType::f64; }

/// That of float, double, int32_t or uint8_t; others do not compile.
template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>)
    return DType::f32;
  else if constexpr (std::is_same_v<T, double>)
    return DType::f64;
  else if constexpr (std::is_same_v<T, int32_t>)
    return DType::i32;
  else {
    static_assert(std::is_same_v<T, uint8_t>, "not an element type");
    return DType::u8;
  }
}

/// Calls fn with a value of the C++ type behind `t`.
template <class Fn>
decltype(auto) visit_dtype(DType t, Fn&& fn) {
  switch (t) {
    case DType::f32:
      return fn(float{});
    case DType::f64:
      return fn(double{});
    case DType::i32:
      return fn(int32_t{});
    case DType::u8:
      break;
  }
  return fn(uint8_t{});
}

/// Calls fn with a float or a double. Callers have checked is_float(t).
template <class Fn>
decltype(auto) visit_float(DType t, Fn&& fn) {
  return t == DType::f64 ? fn(double{}) : fn(float{});
}

/// Calls fn with values of the C++ types behind a gather's x and y: y is f32 or f64, or of x's
/// type.
template <class Fn>
void visit_gathered(DType x, DType y, Fn&& fn) {
  visit_dtype(x, [&]<class In>(In in) {
    if (is_float(y))
      visit_float(y, [&](auto out) { fn(in, out); });
    else
      fn(in, in);
  });
}

}  // namespace gradus
