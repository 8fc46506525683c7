#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "tensor/error.h"
#include "tensor/print.h"

namespace gradus {

/// Up to six extents, outermost first, each at least 0. Images are [N, H, W, C].
class [[nodiscard]] Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;
  Shape(std::initializer_list<int64_t> extents)
      : Shape(std::span(extents.begin(), extents.end())) {}
  /// Throws ShapeError for a rank above 6, a negative extent, or a count beyond 2^62 (extents of 0
  /// left aside).
  explicit Shape(std::span<const int64_t> extents);

  int rank() const { return rank_; }
  /// The extent of axis i in [-rank, rank), unchecked; a negative i counts from the end.
  int64_t operator[](int i) const { return extents_[i < 0 ? i + rank_ : i]; }
  /// The number of elements; 1 for rank 0, 0 where an extent is.
  int64_t count() const;
  /// Not for temporaries, which the span would point into.
  std::span<const int64_t> extents() const& {
    return {extents_.data(), static_cast<size_t>(rank_)};
  }
  std::span<const int64_t> extents() const&& = delete;
  bool operator==(const Shape&) const = default;

  /// This shape with axis i, in [-rank, rank), replaced. Nothing is checked.
  Shape with(int i, int64_t extent) const;

 private:
  std::array<int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

/// "[2, 3]".
std::string to_string(const Shape& s);

/// The shape that a and b broadcast to (aligned at the last axis; extents equal or 1), as NumPy
/// does. Throws ShapeError that starts with `operation` where they do not fit.
Shape broadcast_shape(const char* operation, const Shape& a, const Shape& b);

/// The shape of these extents, of which one may be -1, for what the others leave of `from`'s
/// elements. Throws ShapeError that starts with `operation` where the others do not divide them.
Shape filled_shape(const char* operation, std::span<const int64_t> extents, const Shape& from);

/// `axis` counted from the front, in [0, rank). Throws ShapeError that starts with `operation`
/// outside [-rank, rank).
[[nodiscard]] int normalize_axis(const char* operation, int axis, int rank);

template <>
inline constexpr bool kPrinted<Shape> = true;

}  // namespace gradus
