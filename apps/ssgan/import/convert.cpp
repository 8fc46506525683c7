#include "apps/ssgan/import/convert.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "apps/ssgan/model/trainer.h"

namespace gradus::ssgan {
namespace {

/// The shape that permute by `axes` turns into `to`.
Shape permuted_from(const Shape& to, const std::vector<int>& axes) {
  Shape from = to;
  for (size_t i = 0; i < axes.size(); ++i) from = from.with(axes[i], to[static_cast<int>(i)]);
  return from;
}

}  // namespace

Tensor permute(const Tensor& from, const std::vector<int>& axes) {
  const int rank = from.shape().rank();
  std::vector<int64_t> extents, strides;
  for (const int axis : axes) {
    extents.push_back(from.shape()[axis]);
    int64_t stride = 1;
    for (int i = axis + 1; i < rank; ++i) stride *= from.shape()[i];
    strides.push_back(stride);
  }
  Tensor to(Shape(extents), DType::f32);
  const auto source = from.span<float>();
  std::vector<int64_t> at(extents.size());
  for (float& value : to.mutable_span<float>()) {
    int64_t offset = 0;
    for (size_t i = 0; i < at.size(); ++i) offset += at[i] * strides[i];
    value = source[offset];
    for (size_t i = at.size(); i-- > 0 && ++at[i] == extents[i];) at[i] = 0;
  }
  return to;
}

Tensor convert(const std::string& what, const Tensor& from, const Shape& expected,
               const std::vector<int>& axes) {
  require<DataError>(is_float(from.dtype()), "{} holds {}; f32 or f64 expected", what,
                     name(from.dtype()));
  const Shape shape = permuted_from(expected, axes);
  require<DataError>(from.shape() == shape,
                     "{} has shape {}; {} expected (--g-size-mult, --d-size-mult and --extra-class "
                     "say the sizes)",
                     what, from.shape(), shape);
  const Tensor values = from.to(DType::f32);
  for (const float v : values.span<float>())
    require<DataError>(std::isfinite(v), "{} holds {}", what, v);
  return axes.empty() ? values : permute(values, axes);
}

void require_not_negative(const std::string& what, const Tensor& t) {
  for (const float v : t.span<float>())
    require<DataError>(v >= 0, "{} holds {}, which no variance is", what, v);
}

Checkpoint fresh_checkpoint(const Options& options) {
  Checkpoint c;
  c.options = options;
  Trainer(options, DType::f32, kCpu).save(c.tensors);
  return c;
}

void begin_average(std::map<std::string, Tensor>& tensors) {
  const std::string prefix = kAveraged;
  for (auto& [name, tensor] : tensors)
    if (is_average(name)) tensor = tensors.at("discriminator." + name.substr(prefix.size()));
}

bool is_average(const std::string& name) { return name.starts_with(kAveraged); }
bool is_adam(const std::string& name) { return name.starts_with("adam."); }
bool is_statistic(const std::string& name) { return name.find(".running_") != std::string::npos; }
bool is_variance(const std::string& name) { return name.ends_with(".running_variance"); }

std::string pytorch_name(const std::string& ours) {
  if (!is_variance(ours)) return ours;
  return ours.substr(0, ours.size() - std::string_view("iance").size());
}

std::string listed(const std::vector<std::string>& names) {
  constexpr size_t kMost = 4;
  const size_t shown = std::min(names.size(), kMost);
  return fmt::format("{}{}",
                     fmt::join(names.begin(), names.begin() + static_cast<long>(shown), ", "),
                     shown < names.size() ? fmt::format(" and {} more", names.size() - shown) : "");
}

}  // namespace gradus::ssgan
