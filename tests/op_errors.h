#pragma once

#include <exception>
#include <functional>
#include <string>
#include <typeinfo>
#include <vector>

#include "autograd/ops.h"
#include "tests/catch.h"

namespace gradus {

/// A call that must throw exactly this type with exactly this message.
struct BadCall {
  const std::type_info& type;
  const char* message;
  std::function<void()> call;
};

inline void check_all(const std::vector<BadCall>& table) {
  for (const auto& [type, message, call] : table) {
    INFO(message);
    try {
      call();
      FAIL_CHECK("nothing was thrown");
    } catch (const std::exception& e) {
      CHECK(std::string(e.what()) == message);
      CHECK(std::string(typeid(e).name()) == type.name());
    }
  }
}

/// A constant of that shape.
inline Var of(const Shape& shape, DType dtype = DType::f32) {
  return Tensor::full(shape, 0.5, dtype);
}

inline const std::type_info &kShape = typeid(ShapeError), &kType = typeid(TypeError),
                            &kPlain = typeid(Error), &kTape = typeid(TapeError);

}  // namespace gradus
