#pragma once

#include <cstdint>

namespace gradus::cpu {

/// The widest vector of floats that the processor compiled for computes with: 16 with AVX-512, 8
/// with AVX, else 4. Arithmetic on it is the compiler's, element by element.
inline constexpr int kLanes = __BIGGEST_ALIGNMENT__ / sizeof(float);
using Vector [[gnu::vector_size(__BIGGEST_ALIGNMENT__)]] = float;

/// The same at any address, as part of an array of floats.
using VectorAt [[gnu::vector_size(__BIGGEST_ALIGNMENT__), gnu::aligned(4), gnu::may_alias]] = float;
inline Vector load(const float* p) { return *reinterpret_cast<const VectorAt*>(p); }
inline void store(Vector v, float* p) { *reinterpret_cast<VectorAt*>(p) = v; }

/// x in every lane. (Subtracting 0 is folded away; adding it is not, since -0 + 0 is 0.)
inline Vector broadcast(float x) { return x - Vector{}; }

}  // namespace gradus::cpu
