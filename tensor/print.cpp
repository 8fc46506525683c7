#include <fmt/format.h>

#include <string>

#include "tensor/tensor.h"

namespace gradus {
namespace {

constexpr int64_t kEdge = 3;  // what is shown of a long axis at either end

template <class T>
void print_axis(std::string& out, const T* values, const Shape& shape, int axis) {
  if (axis == shape.rank()) {
    if constexpr (std::is_floating_point_v<T>)
      out += fmt::format("{:.4g}", *values);
    else
      out += fmt::format("{}", *values);
    return;
  }
  int64_t inner = 1;
  for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  const int64_t extent = shape[axis];
  const bool rows = axis + 1 < shape.rank();
  out += '[';
  for (int64_t i = 0; i < extent; ++i) {
    if (i) out += rows ? ",\n" + std::string(axis + 1, ' ') : ", ";
    if (extent > 2 * kEdge + 1 && i == kEdge) {
      out += "...";
      i = extent - kEdge - 1;
      continue;
    }
    print_axis(out, values + i * inner, shape, axis + 1);
  }
  out += ']';
}

}  // namespace

std::string to_string(const Tensor& t) {
  if (!t.defined()) return "undefined";
  std::string out = fmt::format("{} {} {}\n", name(t.dtype()), t.shape(), to_string(t.device()));
  const Tensor host = t.to(kCpu);
  visit_dtype(t.dtype(), [&]<class T>(T) { print_axis(out, host.data<T>(), t.shape(), 0); });
  return out;
}

}  // namespace gradus
