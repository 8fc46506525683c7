#include "tensor/shape.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace gradus {

Shape::Shape(std::span<const int64_t> extents) : rank_(static_cast<int>(extents.size())) {
  require<ShapeError>(extents.size() <= kMaxRank, "shape: rank {} exceeds {}", extents.size(),
                      kMaxRank);
  int64_t count = 1;
  for (size_t i = 0; i < extents.size(); ++i) {
    require<ShapeError>(extents[i] >= 0, "shape: extent {} of axis {} is negative", extents[i], i);
    require<ShapeError>(extents[i] == 0 || count <= (int64_t{1} << 62) / extents[i],
                        "shape: [{}] has too many elements", fmt::join(extents, ", "));
    count *= std::max<int64_t>(extents[i], 1);
    extents_[i] = extents[i];
  }
}

int64_t Shape::count() const {
  int64_t n = 1;
  for (const int64_t e : extents()) n *= e;
  return n;
}

Shape Shape::with(int i, int64_t extent) const {
  Shape s = *this;
  s.extents_[i < 0 ? i + rank_ : i] = extent;
  return s;
}

std::string to_string(const Shape& s) { return fmt::format("[{}]", fmt::join(s.extents(), ", ")); }

Shape broadcast_shape(const char* operation, const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  std::array<int64_t, Shape::kMaxRank> out{};
  for (int i = 1; i <= rank; ++i) {
    const int64_t m = i <= a.rank() ? a[-i] : 1;
    const int64_t n = i <= b.rank() ? b[-i] : 1;
    require<ShapeError>(m == n || m == 1 || n == 1, "{}: cannot broadcast {} with {}", operation, a,
                        b);
    out[rank - i] = m == 1 ? n : m;
  }
  return Shape(std::span<const int64_t>(out.data(), rank));
}

Shape filled_shape(const char* operation, std::span<const int64_t> extents, const Shape& from) {
  std::vector<int64_t> filled(extents.begin(), extents.end());
  const auto open = std::find(filled.begin(), filled.end(), -1);
  if (open != filled.end()) {
    require<ShapeError>(std::count(open, filled.end(), -1) == 1,
                        "{}: one extent may be -1, got [{}]", operation, fmt::join(extents, ", "));
    *open = 1;
    const int64_t others = Shape(filled).count();
    require<ShapeError>(others > 0 && from.count() % others == 0,
                        "{}: {} elements of {} do not fill [{}]", operation, from.count(), from,
                        fmt::join(extents, ", "));
    *open = from.count() / others;
  }
  return Shape(filled);
}

int normalize_axis(const char* operation, int axis, int rank) {
  require<ShapeError>(axis >= -rank && axis < rank, "{}: axis {} is outside a tensor of rank {}",
                      operation, axis, rank);
  return axis < 0 ? axis + rank : axis;
}

}  // namespace gradus
